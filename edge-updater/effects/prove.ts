/** Starts the new release and watches it until the verdict is in. */

import type { Digest } from '../../contract/digest.ts';
import { type ErrorCode, toSlipwayError } from '../../contract/errors.ts';
import type { Effect } from '../update/effect.ts';
import type { UpdateEvent } from '../update/event.ts';
import { describeLastWords } from '../update/last-words.ts';
import type { ProbationVerdict } from '../update/probation.ts';
import type { Attempt } from '../update/state.ts';
import { probeHealth } from './probe-health.ts';
import { hasPrograms } from './require-executable.ts';
import type { World } from './world.ts';

export async function proveRelease(
  { attempt }: Extract<Effect, { kind: 'prove' }>,
  world: World,
  signal: AbortSignal,
): Promise<UpdateEvent> {
  let verdict: Exclude<ProbationVerdict, { kind: 'wait' }>;
  try {
    await startRelease(attempt.release.manifestSha256, world);
    verdict = await probeHealth(world, world.policy.health, 'probation', signal);
    // Before it is kept: after a power cut a program that was never flushed has no bytes.
    if (verdict.kind === 'healthy') await world.payloads?.settle();
  } catch (thrown) {
    signal.throwIfAborted();
    // A disk or a memory that is full says nothing about the release.
    const { code, message } = toSlipwayError(thrown);
    verdict = { kind: 'unhealthy', code, message };
  }
  if (verdict.kind === 'healthy') return verdict;
  const message = await withLastWords(verdict.message, world);
  const trouble = troubleOfMachine(attempt, world);
  return trouble
    ? { ...trouble, kind: 'unhealthy', message: `${trouble.message}; ${message}` }
    : { ...verdict, message };
}

/**
 * Starts the unit over the data that is its own from now on. A box that runs or starts this release already
 * goes on: after a reboot systemd has started it, and an updater that was killed has.
 */
export async function startRelease(release: Digest, { data, service, slots, payloads }: World): Promise<void> {
  if (data && !data.isHeld && (await data.owner()) === release) {
    const { isActive, isStarting } = await service.condition();
    if (isActive || isStarting) return;
  }
  // Half of each set is no data: nothing starts on it.
  await data?.finishExchange();
  await data?.claim(release);
  const payload = slots.manifest(release)?.distribution?.payload;
  if (payload !== undefined) await payloads?.link(payload);
  data?.letGo();
  await service.restart();
}

/** What keeps any release from working here: a disk that takes nothing, or a mount that starts nothing. */
function troubleOfMachine({ release }: Attempt, { slots }: World): { code: ErrorCode; message: string } | undefined {
  try {
    slots.tryWriting();
  } catch (thrown) {
    const { code, message } = toSlipwayError(thrown);
    return { code, message };
  }
  const manifest = slots.manifest(release.manifestSha256);
  if (!slots.isNoexec || !manifest || !hasPrograms(manifest)) return undefined;
  return { code: 'not-executable', message: 'slots lie on a noexec mount now' };
}

/** A person who reads the report looks for the reason in the log of the service. */
async function withLastWords(message: string, { service }: World): Promise<string> {
  return `${message.slice(0, 800)}; ${describeLastWords(await service.lastWords())}`;
}
