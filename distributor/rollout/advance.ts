/** Whether a campaign opens its next wave, stops, or waits, and why. Decides from counts; it changes nothing. */
import type { Abort } from '../declaration/gate.ts';
import type { Rollout } from '../declaration/rollout.ts';
import type { Wave } from '../declaration/wave.ts';
import { type CampaignState, noCounts, reachedOf, type WaveCounts } from './campaign.ts';
import { type GateResult, judgeGate } from './gates.ts';

/** What happens next to a campaign; everything but `wait` and `open-wave` is a transition as it stands. */
export type Advance =
  /** The caller draws the bound from the devices as they are then. */
  | { readonly kind: 'open-wave'; readonly index: number; readonly wave: Wave; readonly reason: string }
  | { readonly kind: 'complete' | 'reopen' | 'abort' | 'stall'; readonly reason: string }
  | {
      readonly kind: 'wait';
      readonly reason: WaitReason;
      /** The numbers behind it, one sentence. */
      readonly detail: string;
      /** Milliseconds since 1970: nothing changes before, unless a device reports; undefined where that is unknown. */
      readonly until: number | undefined;
    };

export type WaitReason =
  | 'aborted'
  | 'paused'
  | 'stalled'
  | 'waiting-for-rollout'
  | 'deadline-passed'
  | 'soaking'
  | 'nobody-reached'
  | 'sample-too-small'
  | 'gate-not-met'
  | 'check-failed'
  | 'check-unknown'
  | 'finished';

/** A rollout that this one comes after. */
export interface Dependency {
  readonly rollout: string;
  readonly isCompleted: boolean;
}

export interface AdvanceFacts {
  /** What the user's checks of the open wave found last; a check that is not there was not asked yet. */
  readonly gates: readonly GateResult[];
  readonly dependencies: readonly Dependency[];
  /** Milliseconds since 1970. */
  readonly now: number;
}

export type Wait = Advance & { readonly kind: 'wait' };

/**
 * @param counts of each opened wave's own slice, in the order of the waves; missing ones count as empty
 */
export function advance(
  rollout: Rollout,
  state: CampaignState,
  counts: readonly WaveCounts[],
  facts: AdvanceFacts,
): Advance {
  if (state.status === 'aborted') return wait('aborted', state.reason);
  if (rollout.aborted) return { kind: 'abort', reason: 'The declaration says aborted.' };
  const stop = abortReason(rollout, counts);
  if (stop !== undefined) return { kind: 'abort', reason: stop };
  if (rollout.paused) return wait('paused', 'The declaration says paused.');
  if (state.status === 'paused') return wait(state.stalledAt === undefined ? 'paused' : 'stalled', state.reason);
  return nextWave(rollout, state, counts, facts);
}

function nextWave(
  rollout: Rollout,
  state: CampaignState,
  counts: readonly WaveCounts[],
  { gates, dependencies, now }: AdvanceFacts,
): Advance {
  const opened = state.openedWaves.length;
  const next = rollout.waves[opened];
  const isLate = rollout.deadline !== undefined && now >= rollout.deadline;
  const late = () => wait('deadline-passed', `No wave opens after the deadline, ${instant(rollout.deadline ?? now)}.`);
  const currentOpened = state.openedWaves[opened - 1];
  if (!currentOpened) {
    if (!next) return wait('finished', 'No wave is declared.');
    const missing = dependencies.filter(({ isCompleted }) => !isCompleted).map((dependency) => dependency.rollout);
    if (missing.length > 0) return wait('waiting-for-rollout', `Starts when completed: ${missing.join(', ')}.`);
    if (isLate) return late();
    return { kind: 'open-wave', index: 0, wave: next, reason: 'The rollout starts.' };
  }
  if (state.status === 'completed') {
    if (!next || isLate) return wait('finished', state.reason);
    return { kind: 'reopen', reason: `The declaration has a further wave, ${next.name}.` };
  }
  const current = rollout.waves[opened - 1];
  if (!current) return { kind: 'complete', reason: `All waves of the declaration are open; it has fewer than before.` };
  const soakedAt = currentOpened.openedAt + current.soakSeconds * 1000;
  if (now < soakedAt) return wait('soaking', `Wave ${current.name} soaks until ${instant(soakedAt)}.`, soakedAt);
  const gate = judgeGate(current, rollout.abort, counts[opened - 1] ?? noCounts, gates);
  if (gate.kind === 'closed') {
    // Somebody who resumed it, or told it to try again, gives it the whole time once more.
    const stallsAt = Math.max(soakedAt, state.changedAt) + current.gate.stallAfterSeconds * 1000;
    if (now < stallsAt) return wait(gate.reason, gate.detail, stallsAt);
    return { kind: 'stall', reason: `Stalled, the gate did not hold in time: ${gate.detail}` };
  }
  if (!next) return { kind: 'complete', reason: `The last wave is through: ${gate.detail}` };
  return isLate ? late() : { kind: 'open-wave', index: opened, wave: next, reason: gate.detail };
}

/** Evidence of all waves together, or of any one alone: a release that is bad stops wherever it shows. */
function abortReason({ abort, waves }: Rollout, counts: readonly WaveCounts[]): string | undefined {
  const total = { failed: 0, reached: 0, where: '' };
  const shares = counts.map((wave, index) => {
    const share = { failed: wave.failed, reached: reachedOf(wave), where: ` of wave ${waves[index]?.name ?? index}` };
    total.failed += share.failed;
    total.reached += share.reached;
    return share;
  });
  const bad = [total, ...shares].find(({ failed, reached }) => isEnoughToAbort(abort, failed, reached));
  if (!bad) return undefined;
  return (
    `${bad.failed} of ${bad.reached} reached devices${bad.where} failed; ` +
    `the limits are ${abort.failurePercent} % and ${abort.minFailures} devices.`
  );
}

export function isEnoughToAbort(abort: Abort, failed: number, reached: number): boolean {
  return failed >= abort.minFailures && failed * 100 >= abort.failurePercent * reached;
}

function wait(reason: WaitReason, detail: string, until?: number): Wait {
  return { kind: 'wait', reason, detail, until };
}

function instant(at: number): string {
  return new Date(at).toISOString();
}
