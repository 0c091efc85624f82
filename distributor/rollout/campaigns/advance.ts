/**
 * Decides whether a campaign opens its next wave, stops, or waits, and why. It decides from counts and changes nothing.
 */
import type { OriginRequirement } from '../../../contract/release/origin.ts';
import type { Abort } from '../../declaration/gate.ts';
import type { Rollout } from '../../declaration/rollout.ts';
import type { Wave } from '../../declaration/wave.ts';
import { type CampaignState, isThrough } from '../campaign.ts';
import { failuresOf, notAskedOf, reachedOf, type WaveCounts } from '../standing.ts';
import { isAbove } from './confidence.ts';
import { type GateReason, type GateResult, judgeGate } from './gates.ts';

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

type WaitReason =
  | 'aborted'
  | 'paused'
  | 'stalled'
  | 'waiting-for-rollout'
  | 'release-unattested'
  | 'deadline-passed'
  | 'devices-under-way'
  | 'devices-not-asked'
  | 'finished'
  | GateReason;

/** A rollout that this one comes after. */
export interface Dependency {
  readonly rollout: string;
  readonly isCompleted: boolean;
}

export interface AdvanceFacts {
  /** What the user's checks of the open wave found last; a check that is not there was not asked yet. */
  readonly gates: readonly GateResult[];
  readonly dependencies: readonly Dependency[];
  /** What the rollout requires of the release and no platform's has. */
  readonly lacking: readonly OriginRequirement[];
  /** The group was found to have no accepted device: nobody to open a wave for. */
  readonly isEmpty: boolean;
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
  // Completed is completed, also when it is paused: what comes later takes successes back, and only a person acts on
  // it.
  const stop = isThrough(state) ? undefined : abortReason(rollout, counts);
  if (stop !== undefined) return { kind: 'abort', reason: stop };
  if (rollout.paused) return wait('paused', 'The declaration says paused.');
  if (state.status === 'paused') return wait(state.stalledAt === undefined ? 'paused' : 'stalled', state.reason);
  return nextWave(rollout, state, counts, facts);
}

function nextWave(
  rollout: Rollout,
  state: CampaignState,
  counts: readonly WaveCounts[],
  { gates, dependencies, lacking, isEmpty, now }: AdvanceFacts,
): Advance {
  const opened = state.openedWaves.length;
  const next = rollout.waves[opened];
  const isLate = rollout.deadline !== undefined && now >= rollout.deadline;
  const late = () => wait('deadline-passed', `No wave opens after the deadline, ${instant(rollout.deadline ?? now)}.`);
  const open = (wave: Wave, reason: string): Advance => {
    if (isLate) return late();
    if (isEmpty && !rollout.allowEmpty) return wait('nobody-in-group', nobodyText(rollout, wave));
    return { kind: 'open-wave', index: opened, wave, reason };
  };
  const currentOpened = state.openedWaves[opened - 1];
  if (!currentOpened) {
    if (!next) return wait('finished', 'No wave is declared.');
    const missing = dependencies.filter(({ isCompleted }) => !isCompleted).map((dependency) => dependency.rollout);
    if (missing.length > 0) return wait('waiting-for-rollout', `Starts when completed: ${missing.join(', ')}.`);
    if (lacking.length > 0) return wait('release-unattested', lackingText(state.version, lacking));
    return open(next, 'The rollout starts.');
  }
  if (state.status === 'completed') {
    if (!next || isLate) return wait('finished', state.reason);
    return { kind: 'reopen', reason: `The declaration has a further wave, ${next.name}.` };
  }
  const current = rollout.waves[opened - 1];
  if (!current) return { kind: 'complete', reason: `All waves of the declaration are open; it has fewer than before.` };
  const soakedAt = currentOpened.openedAt + current.soakSeconds * 1000;
  if (now < soakedAt) return wait('soaking', `Wave ${current.name} soaks until ${instant(soakedAt)}.`, soakedAt);
  const { abort, allowEmpty } = rollout;
  const gate = judgeGate({ wave: current, abort, counts, results: gates, allowEmpty });
  if (gate.kind === 'closed') {
    if (gate.reason === 'soaking') return wait(gate.reason, gate.detail, nextSoakedAt(counts));
    if (gate.reason === 'nobody-in-group') return wait(gate.reason, nobodyText(rollout, current));
    // Somebody who resumed it, or told it to try again, gives it the whole time once more.
    const stallsAt = Math.max(soakedAt, state.changedAt) + current.gate.stallAfterSeconds * 1000;
    if (now < stallsAt) return wait(gate.reason, gate.detail, stallsAt);
    return { kind: 'stall', reason: `Stalled, the gate did not hold in time: ${gate.detail}` };
  }
  if (next) return open(next, gate.detail);
  const underWay = counts.reduce((sum, wave) => sum + wave.working + wave.waiting, 0);
  if (underWay > 0) {
    return wait('devices-under-way', `${gate.detail} Devices in the middle of the update: ${underWay}.`);
  }
  // What has not been asked by then is out of reach, and holds nothing up.
  const askedUntil = currentOpened.openedAt + rollout.deviceTimeoutSeconds * 1000;
  const notAsked = counts.reduce((sum, wave) => sum + notAskedOf(wave), 0);
  if (notAsked > 0 && now < askedUntil) {
    return wait('devices-not-asked', `${gate.detail} Devices that were not asked yet: ${notAsked}.`, askedUntil);
  }
  return { kind: 'complete', reason: `The last wave is through: ${gate.detail}` };
}

function lackingText(version: string, lacking: readonly OriginRequirement[]): string {
  return `Release ${version} is offered to nobody: the rollout requires what it lacks (${lacking.join(', ')}).`;
}

function nobodyText({ name, group, product }: Rollout, wave: Wave): string {
  const whom = group === undefined ? `of product ${product}` : `of product ${product} in group ${group}`;
  return `Rollout ${name} has no device ${whom}, so wave ${wave.name} waits for one; allowEmpty: true lets it go on.`;
}

/** When the next success has soaked, in whatever wave. */
function nextSoakedAt(counts: readonly WaveCounts[]): number | undefined {
  const times = counts.flatMap((wave) => (wave.nextSoakedAt === undefined ? [] : [wave.nextSoakedAt]));
  return times.length === 0 ? undefined : Math.min(...times);
}

/** Evidence of all waves together, or of any one alone: a release that is bad stops wherever it shows. */
function abortReason({ abort, gate, waves }: Rollout, counts: readonly WaveCounts[]): string | undefined {
  const total: WaveEvidence & { where: string } = { failed: 0, reached: 0, where: '' };
  const shares = counts.map((wave, index) => {
    const share = { ...evidenceIn(wave), where: ` of wave ${waves[index]?.name ?? index}` };
    total.failed += share.failed;
    total.reached += share.reached;
    return share;
  });
  const bad = [total, ...shares].find((share) => isEnoughToAbort(abort, gate.confidencePercent, share));
  if (!bad) return undefined;
  const sure = gate.confidencePercent === undefined ? '' : ` with ${gate.confidencePercent} % confidence`;
  return (
    `${bad.failed} of ${bad.reached} reached devices${bad.where} failed; ` +
    `the limits are ${abort.failurePercent} %${sure} and ${abort.minFailures} devices.`
  );
}

/** What devices showed about the release. */
interface WaveEvidence {
  failed: number;
  reached: number;
}

export function evidenceIn(wave: WaveCounts): WaveEvidence {
  return { failed: failuresOf(wave), reached: reachedOf(wave) };
}

export function isEnoughToAbort(
  { minFailures, failurePercent }: Abort,
  confidencePercent: number | undefined,
  { failed, reached }: WaveEvidence,
): boolean {
  if (failed < minFailures) return false;
  if (confidencePercent === undefined) return failed * 100 >= failurePercent * reached;
  // Failures come sooner than successes: among those with a result there are too many of them while others are at it.
  return isAbove(failurePercent / 100, { failed, settled: reached }, confidencePercent / 100);
}

function wait(reason: WaitReason, detail: string, until?: number): Wait {
  return { kind: 'wait', reason, detail, until };
}

function instant(at: number): string {
  return new Date(at).toISOString();
}
