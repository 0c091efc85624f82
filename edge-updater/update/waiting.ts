/**
 * An update that may switch only inside a window rests in `staged`, its slot read back, until the window opens. The
 * window itself is not journaled: it is counted on a clock that ends with the process, so after a restart the server is
 * asked anew, as it is when the window has passed. While it waits the device goes on checking; an answer without the
 * offer ends the wait and keeps the slot.
 */
import type { Moment } from './event.ts';
import { giveUp } from './giving-up.ts';
import { updateLimits } from './limits.ts';
import { progressReport, withReport } from './reporting.ts';
import type { Attempt, DeviceState, UpdateState } from './state.ts';
import { enter, moved, type UpdateStep } from './step.ts';

/** A server learns that a timed update is ready; any other one goes on at once. */
export function rebuilt(state: DeviceState, before: Attempt, at: string): UpdateStep {
  const attempt = moved(before);
  const reported = attempt.isTimed ? withReport(state, progressReport(attempt, 'staged', at)) : state;
  return enter(reported, { phase: 'staged', attempt });
}

/** Whether the update has its slot and may not switch without a window. */
export function isWaiting(update: UpdateState): update is Extract<UpdateState, { phase: 'staged' }> {
  return update.phase === 'staged' && update.attempt.isTimed === true;
}

/** Windows that always end before the slot is read back, or in a restart, do not go on for ever. */
export function windowOpened(state: DeviceState, attempt: Attempt, moment: Moment): UpdateStep {
  const interruptions = attempt.interruptions + 1;
  if (interruptions <= updateLimits.staged)
    return enter(state, { phase: 'staged', attempt: { ...attempt, interruptions } });
  const message = `could not begin the switch in ${attempt.interruptions} windows`;
  return giveUp(state, attempt, { code: 'update-interrupted', message }, moment);
}

/** No outcome: nothing failed. The slot stays for the case that the offer comes back. */
export function waitEnded(state: DeviceState, attempt: Attempt, why: string, at: string): UpdateStep {
  const report = { ...progressReport(attempt, 'idle', at), message: why.slice(0, 2000) };
  return enter({ ...withReport(state, report), ready: attempt.release.manifestSha256 }, { phase: 'idle' });
}
