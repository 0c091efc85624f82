/** Brings the blobs of the cheapest plan to the disk, one after the other. */
import type { Transfer } from '../../contract/device-api/report.ts';
import { SlipwayError, toSlipwayError } from '../../contract/errors.ts';
import type { ReleaseManifest } from '../../contract/release/manifest.ts';
import { type DownloadPolicy, downloadBlob } from '../download/download-blob.ts';
import { describeRefusal } from '../update/delta-policy.ts';
import type { Effect } from '../update/effect.ts';
import type { UpdateEvent } from '../update/event.ts';
import { updateLimits } from '../update/limits.ts';
import { planUpdate, type RefusedDelta, type UpdatePlan } from '../update/plan.ts';
import { requireRoom } from '../update/room.ts';
import type { Attempt } from '../update/state.ts';
import { isRepair } from '../update/step.ts';
import { filesFor } from './installed-files.ts';
import { requireExecutable } from './require-executable.ts';
import { requireFitBox } from './require-fit-box.ts';
import { roomsOf, type World } from './world.ts';

export async function fetchBlobs(
  effect: Extract<Effect, { kind: 'fetch' }>,
  world: World,
  signal: AbortSignal,
): Promise<UpdateEvent> {
  const { attempt } = effect;
  const { downloads, slots, policy } = world;
  const manifest = downloads.manifest(attempt.release.manifestSha256);
  downloads.begin(attempt.id, blobsOf(manifest));
  let fullBytes = attempt.transfer.fullBytes;
  const transfer = (): Transfer => ({
    bytesOnWire: downloads.bytesOnWire,
    fullBytes,
    resumedFrom: downloads.resumedFrom,
  });
  try {
    const files = await filesFor(effect, manifest, slots);
    const plan = planUpdate({
      manifest,
      installed: new Set(files.keys()),
      durable: downloads.durable(),
      failedSources: attempt.failedSources,
      bytesOnWire: downloads.bytesOnWire,
      ...(policy.maxBytesPerUpdate === undefined ? {} : { maxBytes: policy.maxBytesPerUpdate }),
      allowFullAfterDeltaFailure: policy.allowFullAfterDeltaFailure,
      deltaPolicy: policy.delta,
    });
    const notes = plan.refusedDeltas.map(noteOf);
    fullBytes = plan.fullBytes;
    requireExecutable(manifest, slots);
    await requireFitBox(attempt, manifest, 'early', world, signal);
    // The slot of a repair is there, and damaged.
    if (!isRepair(attempt) && slots.has(attempt.release.manifestSha256))
      return { kind: 'fetched', transfer: transfer(), notes };
    requireRoomFor(plan, manifest, world);
    if (attempt.interruptions > 0) downloads.resumed();
    await fetchAll(plan, world, patienceOf(attempt, policy.download), signal);
    return { kind: 'fetched', transfer: transfer(), notes };
  } catch (thrown) {
    signal.throwIfAborted();
    const { code, message } = toSlipwayError(thrown);
    return { kind: 'failed', code, message, transfer: transfer() };
  }
}

/** The service of a damaged release may be down: the way back is taken soon. */
function patienceOf(attempt: Attempt, policy: DownloadPolicy): DownloadPolicy {
  if (!isRepair(attempt)) return policy;
  const maxAttemptsWithoutProgress = Math.min(policy.maxAttemptsWithoutProgress, updateLimits.repairRequests);
  return { ...policy, maxAttemptsWithoutProgress };
}

async function fetchAll(
  plan: UpdatePlan,
  world: World,
  downloadPolicy: DownloadPolicy,
  signal: AbortSignal,
): Promise<void> {
  const { downloads, policy, narrator } = world;
  const total = plan.blobs.reduce((sum, blob) => sum + blob.length, 0);
  let before = 0;
  for (const blob of plan.blobs) {
    const part = downloads.openPart(blob.sha256, blob.length, 'network');
    let moved = downloads.bytesOnWire;
    try {
      await downloadBlob(blob, part, {
        source: world.blobs,
        clock: world.clock,
        policy: downloadPolicy,
        signal,
        ...(world.heartbeat ? { heartbeat: world.heartbeat } : {}),
        onResume: () => downloads.resumed(),
        onBytes: (count) => {
          moved += count;
          world.heartbeat?.beat(signal);
          narrator.progress(before + part.received, total, 'downloading');
          if (policy.maxBytesPerUpdate !== undefined && moved > policy.maxBytesPerUpdate) {
            throw new SlipwayError(
              'budget-exceeded',
              `moved ${moved} bytes, the budget is ${policy.maxBytesPerUpdate}`,
            );
          }
        },
      });
    } finally {
      part.close();
    }
    before += blob.length;
  }
}

function noteOf({ component, refusal }: RefusedDelta): string {
  return `went without the smallest delta for ${component}: ${describeRefusal(refusal)}`;
}

function blobsOf(manifest: ReleaseManifest): Set<string> {
  return new Set(manifest.components.flatMap(({ blobs, deltas }) => [...blobs, ...deltas].map((blob) => blob.sha256)));
}

/** @throws SlipwayError `disk-full` */
export function requireRoomFor(plan: UpdatePlan, { components }: ReleaseManifest, world: World): void {
  const bytes = components.reduce((sum, component) => sum + component.length, 0);
  const downloads = plan.remainingBytes + plan.scratchBytes;
  // Beside each file its folder, and the manifest.
  requireRoom({ downloads, slot: { bytes, files: 2 * components.length + 2 } }, roomsOf(world));
}
