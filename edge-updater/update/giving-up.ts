/** How an attempt ends before the switch, and which releases this device does not try again by itself. */
import type { Digest } from '../../contract/digest.ts';
import { updateLimits } from './limits.ts';
import { withOutcome } from './reporting.ts';
import type { Attempt, DeviceState, Failure } from './state.ts';
import { enter, type Step } from './step.ts';

/** Ends an attempt before the switch: the device is as it was. */
export function giveUp(
  state: DeviceState,
  attempt: Attempt,
  failure: Failure,
  { isCurable, at }: { readonly isCurable: boolean; readonly at: string },
): Step {
  const { manifestSha256 } = attempt.release;
  const earlier = state.failures.find((entry) => entry.manifestSha256 === manifestSha256)?.count ?? 0;
  const count = isCurable ? earlier : earlier + 1;
  const others = state.failures.filter((entry) => entry.manifestSha256 !== manifestSha256);
  const counted = { ...state, failures: count === 0 ? others : [...others, { manifestSha256, count }].slice(-64) };
  const judged = count >= updateLimits.failuresUntilRejected ? withRejection(counted, attempt, failure, at) : counted;
  return enter(withOutcome(judged, attempt, 'idle', 'failed', at, failure), { phase: 'idle' });
}

export function withRejection(state: DeviceState, { release }: Attempt, { code }: Failure, at: string): DeviceState {
  const others = state.rejected.filter((entry) => entry.manifestSha256 !== release.manifestSha256);
  const entry = { manifestSha256: release.manifestSha256, version: release.version, ...(code ? { code } : {}), at };
  return { ...state, rejected: [...others, entry].slice(-updateLimits.maxRejected) };
}

/** Lifts one rejection for one more try: whatever fails for good then rejects the release again. */
export function withoutRejection(state: DeviceState, manifestSha256: Digest): DeviceState {
  const others = state.failures.filter((entry) => entry.manifestSha256 !== manifestSha256);
  return {
    ...state,
    rejected: state.rejected.filter((entry) => entry.manifestSha256 !== manifestSha256),
    failures: [...others, { manifestSha256, count: updateLimits.failuresUntilRejected - 1 }].slice(-64),
  };
}
