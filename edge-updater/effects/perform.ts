/**
 * Performs each effect by one entry in a table: a missing entry does not compile. What an effect finds comes back as an
 * event.
 */
import { type ErrorCode, toSlipwayError } from '../../contract/errors.ts';
import type { Effect, EffectKind } from '../update/effect.ts';
import type { UpdateEvent } from '../update/event.ts';
import { describeLastWords } from '../update/last-words.ts';
import type { ProbationVerdict } from '../update/probation.ts';
import type { Attempt } from '../update/state.ts';
import { fetchBlobs } from './fetch.ts';
import { probeHealth } from './probe-health.ts';
import { rebuildSlot } from './rebuild.ts';
import { hasPrograms, requireExecutable } from './require-executable.ts';
import type { World } from './world.ts';

type Performers = {
  readonly [K in EffectKind]: (
    effect: Extract<Effect, { kind: K }>,
    world: World,
    signal: AbortSignal,
  ) => Promise<UpdateEvent>;
};

const performers: Performers = {
  fetch: fetchBlobs,
  rebuild: rebuildSlot,

  async verify({ attempt }, { slots }) {
    const slot = attempt.release.manifestSha256;
    try {
      await slots.verify(slot);
      const manifest = slots.manifest(slot);
      // It may have been mounted otherwise while the update waited.
      if (manifest) requireExecutable(manifest, slots);
      return { kind: 'verified' };
    } catch (thrown) {
      const { code, message } = toSlipwayError(thrown);
      if (code !== 'digest-mismatch' && code !== 'length-mismatch') throw thrown;
      slots.discard(slot);
      return { kind: 'slot-damaged', message };
    }
  },

  async switch({ attempt, previous }, { slots }) {
    slots.point({ current: attempt.release.manifestSha256, previous: previous?.manifestSha256 });
    return { kind: 'switched' };
  },

  async prove({ attempt }, world, signal) {
    const { service, policy } = world;
    let verdict: Exclude<ProbationVerdict, { kind: 'wait' }>;
    try {
      await service.restart();
      verdict = await probeHealth(world, policy.health, 'probation', signal);
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
  },

  async restore({ to, previous }, world, signal) {
    const { slots, service, narrator } = world;
    if (!to) {
      // Nothing to go back to: what does not work is stopped and taken away.
      await service.stop();
      slots.point({ current: undefined, previous: undefined });
      return { kind: 'restored', confirmed: true };
    }
    slots.point({ current: to.manifestSha256, previous: previous?.manifestSha256 });
    try {
      await service.restart();
    } catch (thrown) {
      signal.throwIfAborted();
      narrator.warn('service-start-failed', toSlipwayError(thrown).message);
      return { kind: 'restored', confirmed: false };
    }
    const verdict = await probeHealth(world, { ...world.policy.health, soakSeconds: 0 }, 'rolling-back', signal);
    return { kind: 'restored', confirmed: verdict.kind === 'healthy' };
  },

  async prune({ keep, keepDownloads }, { slots, downloads, narrator }) {
    for (const clean of [() => slots.prune(keep), () => keepDownloads || downloads.clear()]) {
      try {
        clean();
      } catch (thrown) {
        // What could not be deleted now is deleted before the next check; it stops nothing.
        const { code, message } = toSlipwayError(thrown);
        narrator.warn(code, message);
      }
    }
    return { kind: 'pruned' };
  },
};

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

export function perform(effect: Effect, world: World, signal: AbortSignal): Promise<UpdateEvent> {
  const performer = performers[effect.kind] as (
    effect: Effect,
    world: World,
    signal: AbortSignal,
  ) => Promise<UpdateEvent>;
  return performer(effect, world, signal);
}
