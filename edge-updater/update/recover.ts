/**
 * Decides what a device does with the state it finds after a restart, whatever stopped it: a table over the journal's
 * phase and the facts on the disk. Work before the switch is done again, because it is idempotent and nothing runs from
 * it. The switch and probation are continued a limited number of times. Whatever does not fit goes back to the release
 * that was committed last.
 *
 * | journal        | facts                                   | then |
 * |----------------|-----------------------------------------|------|
 * | lost           | `current` points to a whole slot        | idle on that slot, `journal-corrupt` is reported |
 * | lost           | as above, but another release wrote the data of an adopted box | the same, and that slot takes the data over as in going back |
 * | lost           | else, `previous` points to a whole slot | go back to it |
 * | lost           | neither                                 | idle without a release |
 * | idle           | `current` is as the journal says        | idle; whether its slot is whole is seen before the next check |
 * | idle           | as above, but another release wrote the data of an adopted box | go back to it with its data |
 * | idle           | it is a whole slot of a higher counter than any committed, and not rejected | the journal lost its end: idle on that slot, `journal-corrupt` is reported |
 * | idle           | else, the journal's slot is whole       | point back to it |
 * | idle           | else                                    | go back to the previous one, if whole |
 * | downloading    | new durable bytes since the last time   | go on, counter cleared |
 * | downloading    | none, 10 times                          | give up: `download-no-progress` |
 * | rebuilding     | up to 5 times                           | rebuild from the blobs |
 * | staged         | `current` is the new slot: the journal lost its end | probation |
 * | staged         | it waits for a window                   | rest until the server names a window anew |
 * | staged         | else, up to 5 times                     | read the slot back, rebuild if it is damaged |
 * | switching      | `current` is the new slot               | probation |
 * | switching      | it is the old one, up to 5 times        | staged: read the slot back before the switch |
 * | switching of an undo | it is the old one, up to 5 times; not before a boot's start | switch again: its data may be exchanged already |
 * | switching of an undo | else                              | roll back: `update-interrupted` |
 * | probation      | `current` is the new slot, up to twice; a boot counts once, before the box starts | probation from its beginning |
 * | probation      | more often                              | roll back: `probation-interrupted` |
 * | probation      | another slot                            | roll back: `update-interrupted`; it was gone back already where that could not be journaled |
 * | the same, of a repair | as above: its slot is the current one | as above; what would roll back goes back to the previous release, or stays without one |
 * | rolling-back   | any                                     | roll back again until it is done, or the device is stranded |
 * | committed, rolled-back | any                             | clean up |
 */
import type { InstalledRelease } from '../../contract/device-api/check.ts';
import type { Digest } from '../../contract/digest.ts';
import type { Moment } from './event.ts';
import { giveUp } from './giving-up.ts';
import { goBack, leaveProbation } from './going-back.ts';
import { updateLimits } from './limits.ts';
import { withReport } from './reporting.ts';
import type { Attempt, DeviceState, UpdateState } from './state.ts';
import { blankState } from './state.ts';
import { cleanUp, effectOf, enter, isRepair, isUndo, stay, type UpdateStep } from './step.ts';
import { isWaiting } from './waiting.ts';

export interface RecoveryFacts extends Moment {
  /** Digest of the slot that `current` names; undefined where there is no such link or it is not one of ours. */
  readonly currentLink?: Digest | undefined;
  readonly previousLink?: Digest | undefined;
  /** Slots on the disk whose release.json has the digest of their name, by that digest. */
  readonly slots: ReadonlyMap<Digest, InstalledRelease>;
  /** Of an adopted box: the release that wrote its data, where that is known. */
  readonly dataOwner?: Digest | undefined;
  /** Bytes of the attempt's blobs that are durable. */
  readonly durableBytes: number;
  /** This boot, and whether nothing has been started in it yet; undefined where that is not asked. */
  readonly boot?: { readonly id: string; readonly isBeforeStart: boolean } | undefined;
  /** For the report of a lost journal. */
  readonly attemptId: string;
}

/** @param state undefined where the journal exists but nothing of it can be read */
export function recover(state: DeviceState | undefined, facts: RecoveryFacts): UpdateStep {
  if (state === undefined) return recoverWithoutJournal(facts);
  const { update } = state;
  switch (update.phase) {
    case 'idle':
      return recoverIdle(state, facts);
    case 'downloading':
      return recoverDownload(state, update.attempt, facts);
    case 'rebuilding':
      return again(state, update, facts);
    case 'staged':
      // The journal lost its end: nothing but a switch points there.
      if (facts.currentLink === update.attempt.release.manifestSha256 && !isRepair(update.attempt))
        return enter(state, { phase: 'probation', attempt: update.attempt });
      // Its window was counted on the clock of a process that is gone.
      return isWaiting(update) ? stay(state) : again(state, update, facts);
    case 'switching':
      if (facts.currentLink === update.attempt.release.manifestSha256) {
        return enter(state, { phase: 'probation', attempt: update.attempt });
      }
      return recoverSwitch(state, update.attempt, facts);
    case 'probation':
      return recoverProbation(state, update.attempt, facts);
    case 'rolling-back':
    case 'committed':
    case 'rolled-back':
      return { state, effect: effectOf(state) };
    default:
      throw update satisfies never;
  }
}

function interrupted(attempt: Attempt): Attempt {
  return { ...attempt, interruptions: attempt.interruptions + 1 };
}

function recoverSwitch(state: DeviceState, attempt: Attempt, facts: RecoveryFacts): UpdateStep {
  const setbacks = attempt.setbacks + 1;
  const isAllowed = setbacks <= updateLimits.setbacks;
  const message = `interrupted ${setbacks} times before the switch`;
  if (isUndo(attempt)) {
    // Nothing is started from here before a boot's start, and data that is exchanged must not wait for the updater.
    return isAllowed && !facts.boot?.isBeforeStart
      ? enter(state, { phase: 'switching', attempt: { ...attempt, setbacks } })
      : goBack(state, attempt, { code: 'update-interrupted', message });
  }
  if (isAllowed) return enter(state, { phase: 'staged', attempt: { ...attempt, setbacks } });
  return giveUp(state, attempt, { code: 'update-interrupted', message }, facts);
}

function again(
  state: DeviceState,
  update: Extract<UpdateState, { phase: 'rebuilding' | 'staged' }>,
  facts: RecoveryFacts,
): UpdateStep {
  const { attempt, phase } = update;
  if (attempt.interruptions < updateLimits[phase]) return enter(state, { phase, attempt: interrupted(attempt) });
  const message = `interrupted ${attempt.interruptions + 1} times while ${phase}`;
  return giveUp(state, attempt, { code: 'update-interrupted', message }, facts);
}

function recoverDownload(state: DeviceState, attempt: Attempt, facts: RecoveryFacts): UpdateStep {
  const { durableBytes } = facts;
  const hasProgress = durableBytes > attempt.durableBytes;
  const interruptions = hasProgress ? 1 : attempt.interruptions + 1;
  if (interruptions > updateLimits.downloading) {
    const message = `interrupted ${interruptions} times without a new byte`;
    return giveUp(state, attempt, { code: 'download-no-progress', message }, facts);
  }
  return enter(state, { phase: 'downloading', attempt: { ...attempt, interruptions, durableBytes } });
}

function recoverProbation(state: DeviceState, attempt: Attempt, { currentLink, boot, at }: RecoveryFacts): UpdateStep {
  if (currentLink !== attempt.release.manifestSha256) {
    const message = 'during probation `current` was pointed elsewhere';
    return goBack(state, attempt, { code: 'update-interrupted', message });
  }
  const { countedBoot, ...uncounted } = attempt;
  // The look before the unit started has counted this boot; the updater that starts after it does not count it again.
  if (boot && !boot.isBeforeStart && countedBoot === boot.id) {
    return enter(state, { phase: 'probation', attempt: uncounted });
  }
  if (attempt.interruptions >= updateLimits.probation) {
    const message = `probation was interrupted ${attempt.interruptions + 1} times`;
    return leaveProbation(state, attempt, { code: 'probation-interrupted', message }, at);
  }
  const counted = boot?.isBeforeStart ? { ...uncounted, countedBoot: boot.id } : uncounted;
  return enter(state, { phase: 'probation', attempt: interrupted(counted) });
}

function recoverIdle(state: DeviceState, facts: RecoveryFacts): UpdateStep {
  const { current, previous } = state;
  if (facts.currentLink === current?.manifestSha256) {
    const leaving = current && leavingOf(facts, current);
    const effect = leaving ? ({ kind: 'restore', leaving, to: current, previous } as const) : cleanUp(state);
    return { state, effect };
  }
  const linked = facts.currentLink === undefined ? undefined : facts.slots.get(facts.currentLink);
  if (linked && isAheadOf(state, linked)) return takeOver(state, linked, facts);
  if (!current) return { state, effect: cleanUp(state) };
  const whole = [current, previous].find((release) => release && facts.slots.has(release.manifestSha256));
  if (!whole) return stay(state);
  const kept = whole === current ? previous : undefined;
  return {
    state: { ...state, current: whole, previous: kept },
    effect: { kind: 'restore', leaving: leavingOf(facts, whole), to: whole, previous: kept },
  };
}

/** The release whose data is there, where that is not the one gone back to. */
function leavingOf({ dataOwner, slots }: RecoveryFacts, to: InstalledRelease): InstalledRelease | undefined {
  return dataOwner === to.manifestSha256 ? undefined : slots.get(dataOwner ?? '');
}

/** Only a switch points `current` to a release that this journal never committed; what it wrote about it is gone. */
function isAheadOf({ counterFloor, rejected }: DeviceState, { counter, manifestSha256 }: InstalledRelease): boolean {
  return counter > counterFloor && !rejected.some((entry) => entry.manifestSha256 === manifestSha256);
}

/** The release that runs is newer than the journal knows: nothing is brought back, everything else is kept. */
function takeOver(state: DeviceState, current: InstalledRelease, facts: RecoveryFacts): UpdateStep {
  const behind = facts.previousLink === undefined ? undefined : facts.slots.get(facts.previousLink);
  const previous = behind ?? state.current;
  const found = {
    ...state,
    current,
    update: { phase: 'idle' } as const,
    counterFloor: current.counter,
    previous,
    nextSequence: Math.max(state.nextSequence, sequenceAt(facts)),
  };
  const reported = withReport(found, corruptReport(current, facts, 'the journal has lost its end'));
  return { state: reported, effect: effectOf(reported) };
}

/** The old sequence is lost; the milliseconds of a clock are above any that was counted one by one. */
function sequenceAt({ at }: RecoveryFacts): number {
  return Math.max(1, Date.parse(at));
}

function corruptReport({ version, manifestSha256 }: InstalledRelease, { attemptId, at }: RecoveryFacts, what: string) {
  const message = `${what}; the device stays on the release it runs`;
  return { attempt: attemptId, at, version, manifestSha256, phase: 'idle', code: 'journal-corrupt', message } as const;
}

function recoverWithoutJournal(facts: RecoveryFacts): UpdateStep {
  const find = (link: Digest | undefined) => (link === undefined ? undefined : facts.slots.get(link));
  const linked = find(facts.currentLink);
  const behind = find(facts.previousLink);
  const current = linked ?? behind;
  if (!current) return stay(blankState);
  const previous = linked && behind && behind !== linked ? behind : undefined;
  const state: DeviceState = {
    ...blankState,
    current,
    previous,
    counterFloor: Math.max(current.counter, previous?.counter ?? 0),
    nextSequence: sequenceAt(facts),
  };
  const reported = withReport(state, corruptReport(current, facts, 'the journal could not be read'));
  const leaving = leavingOf(facts, current);
  if (linked && !leaving) return { state: reported, effect: effectOf(reported) };
  return { state: reported, effect: { kind: 'restore', leaving, to: current, previous } };
}
