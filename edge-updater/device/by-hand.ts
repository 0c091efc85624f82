/** Does what an operator asks of a device with `rollback`: goes back to the release before, and takes that back. */
import type { FinishedAttempt } from '../update/state.ts';
import type { DeviceCore, Effort } from './device-core.ts';
import { requireUndoable, requireWayBack } from './way-back.ts';

/** @throws SlipwayError `nothing-to-roll-back-to`, `rollback-refused` */
export async function rollBackByHand(core: DeviceCore, effort: Effort): Promise<FinishedAttempt> {
  // First: what is refused ends no wait.
  requireWayBack(core.machine.state, core.world);
  await core.timed.endWait('an operator goes back', effort.signal, effort.patience);
  return attempt(core, 'rollback-requested', effort);
}

/** @throws SlipwayError `nothing-to-undo`, `aside-mismatched`, `slot-damaged` */
export async function undoByHand(core: DeviceCore, effort: Effort): Promise<FinishedAttempt> {
  await requireUndoable(core.machine.state, core.world);
  await core.timed.endWait('an operator undoes a rollback', effort.signal, effort.patience);
  return attempt(core, 'undo-requested', effort);
}

async function attempt(
  { timed, world }: DeviceCore,
  kind: 'rollback-requested' | 'undo-requested',
  { signal, patience }: Effort,
): Promise<FinishedAttempt> {
  const attemptId = world.clock.newId();
  await timed.do({ kind, attemptId }, signal, patience);
  return timed.finished(attemptId);
}
