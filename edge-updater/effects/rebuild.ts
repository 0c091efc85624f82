/** Makes the slot: each component from an installed file, a delta or a whole blob, hashed while it is written. */
import type { Digest } from '../../contract/digest.ts';
import { type SlipwayError, toSlipwayError } from '../../contract/errors.ts';
import { encodeManifest, type ReleaseManifest } from '../../contract/release/manifest.ts';
import { isDiskCode } from '../../system/files/disk-codes.ts';
import { type OpenedComponent, openComponent } from '../delta/open-component.ts';
import type { Effect } from '../update/effect.ts';
import type { UpdateEvent } from '../update/event.ts';
import { type PlannedComponent, planUpdate } from '../update/plan.ts';
import { isRepair } from '../update/step.ts';
import { filesFor, type InstalledFiles } from './installed-files.ts';
import type { World } from './world.ts';

export async function rebuildSlot(
  effect: Extract<Effect, { kind: 'rebuild' }>,
  world: World,
  signal: AbortSignal,
): Promise<UpdateEvent> {
  const { attempt } = effect;
  const { downloads, slots, policy } = world;
  const slot = attempt.release.manifestSha256;
  // The slot of a repair is there, and damaged.
  if (!isRepair(attempt) && slots.has(slot)) return { kind: 'rebuilt' };
  const manifest = downloads.manifest(slot);
  const files = await filesFor(effect, manifest, slots);
  const plan = planUpdate({
    manifest,
    installed: new Set(files.keys()),
    durable: downloads.durable(),
    failedSources: attempt.failedSources,
    bytesOnWire: 0,
    allowFullAfterDeltaFailure: policy.allowFullAfterDeltaFailure,
    deltaPolicy: policy.delta,
  });
  try {
    return await stageAll(plan.components, manifest, files, { slot, world, signal });
  } catch (thrown) {
    // Only whole blobs are worth a resume; the rest is room that the journal may need.
    if (toSlipwayError(thrown).code === 'disk-full') {
      slots.dropStaging(slot);
      downloads.dropScratch();
    }
    throw thrown;
  }
}

interface Staging {
  readonly slot: Digest;
  readonly world: World;
  readonly signal: AbortSignal;
}

async function stageAll(
  components: readonly PlannedComponent[],
  manifest: ReleaseManifest,
  files: InstalledFiles,
  { slot, world, signal }: Staging,
): Promise<UpdateEvent> {
  const { downloads, slots, policy } = world;
  slots.beginStaging(slot);
  for (const [index, planned] of components.entries()) {
    signal.throwIfAborted();
    world.narrator.progress(index, components.length, 'rebuilding');
    let opened: OpenedComponent | undefined;
    try {
      if (isShared(planned, slot, world)) continue;
      opened = openComponent(planned, files, world, signal);
      await slots.stage(slot, planned.component, abortable(opened.content, signal));
    } catch (thrown) {
      signal.throwIfAborted();
      const failure = sourceFailure(planned, toSlipwayError(thrown), policy.allowFullAfterDeltaFailure);
      if (failure) return failure;
      throw thrown;
    } finally {
      opened?.close();
    }
  }
  slots.seal(slot, encodeManifest(manifest).bytes);
  downloads.dropScratch();
  return { kind: 'rebuilt' };
}

/** A blob that is the component byte for byte is not written a second time. Its digest was seen when it was whole. */
function isShared({ component, source }: PlannedComponent, slot: Digest, { slots, downloads }: World): boolean {
  if (source.kind !== 'full' || source.blob.sha256 !== component.sha256) return false;
  return slots.share(slot, component, downloads.fileOf(source.blob.sha256));
}

/** Undefined where the machine is to blame (disk, permissions), or a whole blob that was verified before. */
function sourceFailure(planned: PlannedComponent, error: SlipwayError, fullAllowed: boolean): UpdateEvent | undefined {
  const { source, component } = planned;
  if (source.kind === 'full' || isDiskCode(error.code)) return undefined;
  const [digest, what] =
    source.kind === 'delta'
      ? [source.delta.sha256, `the delta for ${component.name}`]
      : [source.from, `the installed ${component.name}`];
  return { kind: 'source-failed', source: digest, what, code: error.code, message: error.message, fullAllowed };
}

async function* abortable(content: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  for await (const chunk of content) {
    signal.throwIfAborted();
    yield chunk;
  }
}
