/**
 * Goes back to the release before: after a failure, by an operator, by a permit. The counter floor stays; the release
 * that is left is rejected unless it is not to blame. What was set aside for it is kept, so that an operator can undo it.
 */
import type { Moment, UpdateEvent } from './event.ts';
import { judge } from './giving-up.ts';
import { updateLimits } from './limits.ts';
import { leaveDamaged } from './repairing.ts';
import { withOutcome, withReport } from './reporting.ts';
import type { Attempt, DeviceState, Failure } from './state.ts';
import { behind, enter, isRepair, moved, newAttempt, stay, type UpdateStep } from './step.ts';
import { isWaiting } from './waiting.ts';

export function goBack(state: DeviceState, attempt: Attempt, failure: Failure): UpdateStep {
  if (isRepair(attempt)) return leaveDamaged(state, attempt, failure);
  return enter(state, { phase: 'rolling-back', attempt: moved(attempt), failure });
}

/**
 * Ends a probation that did not succeed. A release that no device goes back from stays: the box is left as it is,
 * serviceable or not, and the server and whoever looks at it are told.
 */
export function leaveProbation(state: DeviceState, attempt: Attempt, failure: Failure, at: string): UpdateStep {
  if (!attempt.isFinal || isRepair(attempt)) return goBack(state, attempt, failure);
  const { release } = attempt;
  const counterFloor = Math.max(state.counterFloor, release.counter);
  const stays = { ...state, current: release, previous: behind(state, attempt), counterFloor, held: [] };
  const message = `${failure.message.slice(0, 1400)}; the release says that no device goes back from it`;
  const told = withOutcome(stays, attempt, 'idle', 'failed', at, { ...failure, message });
  return enter(told, { phase: 'committed', attempt });
}

export function rolledBack(
  state: DeviceState,
  { attempt, failure }: Extract<DeviceState['update'], { phase: 'rolling-back' }>,
  { confirmed: isConfirmed, isSetAside }: Pick<Extract<UpdateEvent, { kind: 'restored' }>, 'confirmed' | 'isSetAside'>,
  moment: Moment,
): UpdateStep {
  const explained: Failure = isConfirmed
    ? failure
    : {
        ...failure,
        message: `${failure.message}; the release gone back to does not answer its health check yet`.slice(-1500),
      };
  const { setAside: _, ...judged } = judge(state, attempt, failure, moment, true);
  const kept = isSetAside ? { ...judged, setAside: { release: attempt.release, at: moment.at } } : judged;
  // A repair with nothing to go back to leaves the device where it was.
  const hasStayed = state.current?.manifestSha256 === attempt.release.manifestSha256;
  const outcome = hasStayed ? 'failed' : 'rolled-back';
  const next = withOutcome(kept, attempt, hasStayed ? 'idle' : 'rolled-back', outcome, moment.at, explained);
  return enter(next, { phase: 'rolled-back', attempt, failure: explained });
}

/** By an operator: the committed release leaves, the one before it comes back; the counter floor stays. */
export function rollbackRequested(
  state: DeviceState,
  event: Extract<UpdateEvent, { kind: 'rollback-requested' }>,
  at: string,
): UpdateStep {
  const { current, previous, ...rest } = state;
  if (state.update.phase !== 'idle' || !current || !previous) return stay(state);
  const attempt = newAttempt(event.attemptId, { kind: 'operator' }, current, at);
  return goBack({ ...rest, current: previous }, attempt, { message: 'an operator asked for it' });
}

/**
 * By an operator who takes the last rollback back: an attempt whose slot is there already, so that it begins with reading
 * it. It exchanges data in its switch, and ends as any other attempt does.
 */
export function undoRequested(
  state: DeviceState,
  event: Extract<UpdateEvent, { kind: 'undo-requested' }>,
  at: string,
): UpdateStep {
  const { current, setAside } = state;
  if (state.update.phase !== 'idle' || !current || !setAside) return stay(state);
  return enter(state, {
    phase: 'staged',
    attempt: newAttempt(event.attemptId, { kind: 'undo' }, setAside.release, at),
  });
}

/** The same way by a permit, which is used up in the same step. */
export function permitAccepted(
  state: DeviceState,
  event: Extract<UpdateEvent, { kind: 'permit-accepted' }>,
  at: string,
): UpdateStep {
  const { current, previous, ...rest } = state;
  if (state.update.phase !== 'idle' || !current || !previous) return stay(state);
  const usedPermits = [...(state.usedPermits ?? []), event.permitId].slice(-updateLimits.maxUsedPermits);
  const attempt = newAttempt(event.attemptId, { kind: 'server', rollout: event.rollout }, current, at);
  const message = `the rollout ${event.rollout} was aborted and takes ${current.version} back`;
  return goBack({ ...rest, usedPermits, current: previous }, attempt, { code: 'reverted-by-permit', message });
}

/** No outcome: what a forger sends must not change what the server knows of the release that runs. */
export function permitRefused(
  state: DeviceState,
  event: Extract<UpdateEvent, { kind: 'permit-refused' }>,
  at: string,
): DeviceState {
  const { attemptId, rollout, code } = event;
  const { current } = state;
  if ((state.update.phase !== 'idle' && !isWaiting(state.update)) || !current) return state;
  const { version, manifestSha256 } = current;
  if (state.lastRefusal?.version === version && state.lastRefusal.code === code) return state;
  const message = event.message.slice(0, 2000);
  return withReport(
    { ...state, lastRefusal: { version, code } },
    { attempt: attemptId, at, rollout, version, manifestSha256, phase: 'idle', code, message },
  );
}
