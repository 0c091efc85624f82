/**
 * Ends an attempt before the switch and says what its failure means: only a release that ran here and did not work is
 * rejected, everything else holds it for a while.
 */
import type { Digest } from '../../contract/digest.ts';
import type { Moment } from './event.ts';
import { faultOfFailure, withHold, withoutHold } from './holding.ts';
import { updateLimits } from './limits.ts';
import { withKnown } from './repairing.ts';
import { withOutcome } from './reporting.ts';
import type { Attempt, DeviceState, Failure } from './state.ts';
import { enter, isUndo, type UpdateStep } from './step.ts';

/** Ends an attempt before the switch: the device is as it was. What is kept for an undo makes room for the next try. */
export function giveUp(state: DeviceState, attempt: Attempt, failure: Failure, moment: Moment): UpdateStep {
  const { setAside, ...rest } = judge(state, attempt, failure, moment, false);
  const isKept = setAside && (failure.code !== 'disk-full' || isUndo(attempt));
  const next = isKept ? { ...rest, setAside } : rest;
  return enter(withOutcome(next, attempt, 'idle', 'failed', moment.at, failure), { phase: 'idle' });
}

/** @param hasSwitched the attempt ended after the switch */
export function judge(
  state: DeviceState,
  attempt: Attempt,
  failure: Failure,
  moment: Moment,
  hasSwitched: boolean,
): DeviceState {
  const { code } = failure;
  // It was judged when it was left, and an operator's second thoughts are no evidence.
  if (isUndo(attempt)) return state;
  if (code === undefined || faultOfFailure(failure) === 'release')
    return withRejection(state, attempt, failure, moment);
  return withHold(state, attempt, { ...failure, code }, moment, hasSwitched);
}

function withRejection(state: DeviceState, { release }: Attempt, { code }: Failure, { at }: Moment): DeviceState {
  const { manifestSha256, version } = release;
  const others = state.rejected.filter((entry) => entry.manifestSha256 !== manifestSha256);
  const entry = { manifestSha256, version, code, at };
  const next = withoutHold(state, manifestSha256);
  return { ...next, rejected: [...others, entry].slice(-updateLimits.maxRejected) };
}

/** Lifts rejections for one more try; the releases may come back at the counter that they left behind. */
export function withoutRejections(state: DeviceState, lifted: readonly Digest[]): DeviceState {
  const isLifted = ({ manifestSha256 }: { readonly manifestSha256: Digest }) => lifted.includes(manifestSha256);
  const digests = state.rejected.filter(isLifted).map(({ manifestSha256 }) => manifestSha256);
  return { ...withKnown(state, digests), rejected: state.rejected.filter((entry) => !isLifted(entry)) };
}
