/** Whether a campaign opens its next wave, stops, or waits, and why. Decides from counts; it changes nothing. */
import { type CampaignState, noCounts, reachedOf, type WaveCounts } from './campaign.ts';
import type { Rollout, Wave } from './declaration.ts';

export type Advance =
  | { readonly kind: 'open-wave'; readonly wave: Wave; readonly reason: string }
  | { readonly kind: 'abort'; readonly reason: string }
  | { readonly kind: 'complete'; readonly reason: string }
  | { readonly kind: 'reopen'; readonly reason: string }
  | { readonly kind: 'wait'; readonly reason: WaitReason; readonly detail: string };

export type WaitReason = 'aborted' | 'paused' | 'soaking' | 'nobody-reached' | 'gate-not-met' | 'finished';

/**
 * @param counts of each wave's own slice, in the order of the waves; missing ones count as empty
 * @param now milliseconds since 1970
 */
export function advance(rollout: Rollout, state: CampaignState, counts: readonly WaveCounts[], now: number): Advance {
  if (state.status === 'aborted') return wait('aborted', state.reason);
  if (rollout.aborted) return { kind: 'abort', reason: 'The declaration says aborted.' };
  const stop = abortReason(rollout, counts);
  if (stop !== undefined) return { kind: 'abort', reason: stop };
  if (rollout.paused) return wait('paused', 'The declaration says paused.');
  if (state.status === 'paused') return wait('paused', state.reason);
  return nextWave(rollout, state, counts, now);
}

function nextWave(rollout: Rollout, state: CampaignState, counts: readonly WaveCounts[], now: number): Advance {
  const opened = state.openedWaves.length;
  const next = rollout.waves[opened];
  const current = rollout.waves[opened - 1];
  const currentOpened = state.openedWaves[opened - 1];
  if (!current || !currentOpened) {
    if (next) return { kind: 'open-wave', wave: next, reason: 'The rollout starts.' };
    return wait('finished', `All ${rollout.waves.length} waves are open.`);
  }
  if (state.status === 'completed') {
    if (next) return { kind: 'reopen', reason: `The declaration has a further wave, ${next.name}.` };
    return wait('finished', state.reason);
  }
  const soakedAt = currentOpened.openedAt + current.soakSeconds * 1000;
  if (now < soakedAt) {
    return wait('soaking', `Wave ${current.name} soaks until ${new Date(soakedAt).toISOString()}.`);
  }
  const gate = gateOf(rollout, current, counts[opened - 1] ?? noCounts);
  if (gate.kind === 'wait') return gate;
  return next
    ? { kind: 'open-wave', wave: next, reason: gate.reason }
    : { kind: 'complete', reason: `The last wave is through: ${gate.reason}` };
}

/** Evidence of all waves together: a release that is bad stops wherever it shows. */
function abortReason({ abort }: Rollout, counts: readonly WaveCounts[]): string | undefined {
  const failed = counts.reduce((sum, wave) => sum + wave.failed, 0);
  const reached = counts.reduce((sum, wave) => sum + reachedOf(wave), 0);
  const isEnough = failed >= abort.minFailures && failed * 100 >= abort.failurePercent * reached;
  if (!isEnough) return undefined;
  return (
    `${failed} of ${reached} reached devices failed; ` +
    `the limits are ${abort.failurePercent} % and ${abort.minFailures} devices.`
  );
}

type Gate = { readonly kind: 'open'; readonly reason: string } | (Advance & { readonly kind: 'wait' });

/** A wave without a single known device has nothing to prove; one with devices needs a device that was reached. */
function gateOf({ gate }: Rollout, wave: Wave, counts: WaveCounts): Gate {
  const reached = reachedOf(counts);
  if (reached === 0) {
    if (counts.members === 0) return { kind: 'open', reason: `No known device belongs to wave ${wave.name}.` };
    return wait('nobody-reached', `No device of wave ${wave.name} was reached yet.`);
  }
  const text = `${counts.committed} of ${reached} reached devices of wave ${wave.name} committed`;
  if (counts.committed * 100 >= gate.successPercent * reached) return { kind: 'open', reason: `${text}.` };
  return wait('gate-not-met', `${text}; the gate is ${gate.successPercent} %.`);
}

function wait(reason: WaitReason, detail: string): Advance & { readonly kind: 'wait' } {
  return { kind: 'wait', reason, detail };
}
