/** Does what an operator asks of a device with `rollback`: goes back to the release before, and takes that back. */
import type { FinishedAttempt } from '../update/state.ts';
import type { DeviceCore, Effort } from './device-core.ts';
import { requireUndoable, requireWayBack } from './way-back.ts';

/** @throws SlipwayError `nothing-to-roll-back-to`, `rollback-refused` */
export async function rollBackByHand(core: DeviceCore, { signal, patience }: Effort): Promise<FinishedAttempt> {
  const { timed, machine, world } = core;
  await timed.endWait('an operator goes back', signal, patience);
  requireWayBack(machine.state, world);
  const attemptId = world.clock.newId();
  await timed.do({ kind: 'rollback-requested', attemptId }, signal, patience);
  return timed.finished(attemptId);
}

/** @throws SlipwayError `nothing-to-undo`, `aside-mismatched`, `slot-damaged` */
export async function undoByHand(core: DeviceCore, { signal, patience }: Effort): Promise<FinishedAttempt> {
  const { timed, machine, world } = core;
  await requireUndoable(machine.state, world);
  await timed.endWait('an operator undoes a rollback', signal, patience);
  const attemptId = world.clock.newId();
  await timed.do({ kind: 'undo-requested', attemptId }, signal, patience);
  return timed.finished(attemptId);
}
