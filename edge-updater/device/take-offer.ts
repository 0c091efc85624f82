/** Takes a release that the device is offered: trust, acceptance, and the whole update or the reason why not. */
import type { HeardOffer } from '../../contract/device-api/check.ts';
import { toSlipwayError } from '../../contract/errors.ts';
import { exitStatus } from '../../contract/exit-status.ts';
import { blamingClock } from '../trust/clock-trouble.ts';
import { type ReleaseSource, type ResolvedRelease, resolveRelease } from '../trust/resolve-release.ts';
import { acceptRelease } from '../update/acceptance.ts';
import type { UpdateEvent } from '../update/event.ts';
import { holdOn } from '../update/holding.ts';
import type { FinishedAttempt, Held } from '../update/state.ts';
import type { SwitchTime } from '../update/switch-window.ts';
import type { Asker, DeviceCore, Effort } from './device-core.ts';
import type { TimedMachine } from './timed-machine.ts';

/** What an offer led to; neither where the update waits for its window. */
export interface Taken {
  readonly attempt?: FinishedAttempt | undefined;
  /** The offered release, where it is not tried yet after what happened to it before. */
  readonly held?: Held | undefined;
}

/** @param time when the server allows the switch */
export async function takeOffer(
  core: DeviceCore,
  offer: HeardOffer,
  time: SwitchTime,
  asker: Asker,
  effort: Effort,
): Promise<Taken> {
  const { server, timed, machine, outbox, world } = core;
  const { signal, patience } = effort;
  const { targetPath, version, rollout } = offer;
  const source: ReleaseSource = {
    metadata: (name, maxBytes) => server.metadata(name, maxBytes, signal),
    manifest: (digest, maxBytes) => server.manifest(digest, maxBytes, signal),
    attachment: (digest, maxBytes) => server.attachment(digest, maxBytes, signal),
  };
  const isRetry = offer.retry === true;
  const release = await judged(core, offer, () => resolveHere(core, targetPath, source, isRetry), signal);
  const { waitingFor } = timed;
  if (waitingFor && isSame(waitingFor, release, rollout)) {
    timed.nameWindow(time);
    await outbox.during(signal, () => timed.resume(signal, patience));
    return { attempt: timed.outcome(waitingFor.id) };
  }
  await timed.endWait(`${version} of ${rollout} is offered instead`, signal, patience);
  const held = holdOn(machine.state, release.manifestSha256, world.clock.now());
  if (held && asker === 'daemon') return { held };
  await judged(core, offer, async () => keepManifest(core, release), signal);
  timed.nameWindow(time);
  const attemptId = world.clock.newId();
  await installRelease(core, release, effort, signal, {
    attemptId,
    source: { kind: 'server', rollout },
    ...(offer.switchWindow ? { isTimed: true } : {}),
    ...(isRetry ? { isRetry } : {}),
  });
  return { attempt: timed.outcome(attemptId) };
}

/** A release that may be installed here. @throws SlipwayError of trust, acceptance or origin; nothing has changed then */
export async function resolveHere(
  { metadata, world, facts, machine, server, examination, origin }: DeviceCore,
  targetPath: string,
  source: ReleaseSource,
  isRetry: boolean,
): Promise<ResolvedRelease> {
  const release = await blamingClock(
    () => server.heardTime,
    () => resolveRelease(targetPath, source, metadata, world.clock.now()),
  );
  const { current } = machine.state;
  const distribution = current && world.slots.manifest(current.manifestSha256)?.distribution;
  acceptRelease(release, { ...facts, distribution }, machine.state, isRetry);
  await origin?.admit(release, source.attachment);
  await examination.requireClearBox();
  return release;
}

export function keepManifest({ world }: DeviceCore, { manifestSha256, manifestBytes }: ResolvedRelease): void {
  world.downloads.putManifest(manifestSha256, manifestBytes);
}

/**
 * The whole update; its manifest is kept already.
 * @param reporting undefined: the reports of this work leave with the next check
 */
export async function installRelease(
  { outbox, timed }: DeviceCore,
  { manifest, manifestSha256 }: ResolvedRelease,
  { signal, patience }: Effort,
  reporting: AbortSignal | undefined,
  acceptance: Omit<Extract<UpdateEvent, { kind: 'accepted' }>, 'kind' | 'release'>,
): Promise<void> {
  const { version, counter } = manifest;
  await outbox.during(reporting, async () => {
    const isFinal = manifest.onRollback === 'refuse' ? ({ isFinal: true } as const) : {};
    const release = { version, counter, manifestSha256 };
    const event = { kind: 'accepted', release, ...isFinal, ...acceptance } as const;
    await timed.do(event, signal, patience);
  });
}

/**
 * What comes before an attempt: an offer that does not become one is reported, whoever is to blame, and told in the
 * next check. Where the disk does not even take the report, the check alone tells.
 */
async function judged<T>(
  { timed, machine, world, examination }: DeviceCore,
  { version, rollout }: HeardOffer,
  resolve: () => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  try {
    const resolved = await resolve();
    examination.noteOffer(undefined);
    return resolved;
  } catch (thrown) {
    signal.throwIfAborted();
    const error = toSlipwayError(thrown);
    const { code, message } = error;
    examination.noteOffer(error);
    if (isLasting(thrown)) await timed.endWait(`${code}: ${message}`, signal);
    try {
      machine.dispatch({ kind: 'refused', attemptId: world.clock.newId(), rollout, version, code, message });
    } catch (untold) {
      const { code: why, message: words } = toSlipwayError(untold);
      world.narrator.warn(why, `the refusal of ${version} is told by the next check alone: ${words}`);
    }
    throw thrown;
  }
}

/** False where the network or this machine is to blame: it may be otherwise the next time. */
export function isLasting(thrown: unknown): boolean {
  const passes: readonly number[] = [exitStatus.unavailable, exitStatus.localResource, exitStatus.internal];
  return !passes.includes(toSlipwayError(thrown).exitStatus);
}

function isSame(
  { manifestSha256, source }: NonNullable<TimedMachine['waitingFor']>,
  release: ResolvedRelease,
  rollout: string,
): boolean {
  return manifestSha256 === release.manifestSha256 && source.kind === 'server' && source.rollout === rollout;
}
