/**
 * Keeps a device that can neither go forward nor back serviceable: the release failed, and the one before it does not work over the
 * data that is there. It is told, it takes another release if one comes, and it tries to start over, each time later.
 */
import type { Digest } from '../../contract/digest.ts';
import type { Effect } from './effect.ts';
import type { Moment } from './event.ts';
import { withReport } from './reporting.ts';
import type { DeviceState } from './state.ts';
import { stay, type UpdateStep } from './step.ts';

const maxPauseSeconds = 24 * 3600;

/** @param attemptId of the attempt that led to it, or of the restart that found it */
export function strand(
  state: DeviceState,
  attemptId: string,
  message: string,
  { at, pollSeconds }: Moment,
  left?: Digest,
): DeviceState {
  const { current, stranded: before } = state;
  const text = message.slice(0, 1500);
  const entry = { left: left ?? before?.left, message: text, since: before?.since ?? at, tries: before?.tries ?? 0 };
  const next = { ...state, stranded: { ...entry, notBefore: before?.notBefore ?? after(at, pollSeconds) } };
  if (before || !current) return next;
  const { version, manifestSha256 } = current;
  const report = {
    attempt: attemptId,
    at,
    version,
    manifestSha256,
    phase: 'idle',
    code: 'stranded',
    message: text,
  } as const;
  return withReport(next, report);
}

/** Counted before it is tried, so that a device that goes down with it does not try without end. */
export function revivalDue(state: DeviceState, { at, pollSeconds }: Moment): UpdateStep {
  const { stranded, current } = state;
  if (state.update.phase !== 'idle' || !stranded || !current || !isDue(stranded.notBefore, Date.parse(at)))
    return stay(state);
  const tries = stranded.tries + 1;
  const notBefore = after(at, Math.min(pollSeconds * 2 ** Math.min(tries, 20), maxPauseSeconds));
  const effect: Effect = { kind: 'revive', release: current };
  return { state: { ...state, stranded: { ...stranded, tries, notBefore } }, effect };
}

/** @param trouble undefined: it works again */
export function revived(state: DeviceState, trouble: string | undefined): DeviceState {
  const { stranded, ...rest } = state;
  if (!stranded) return state;
  return trouble === undefined ? rest : { ...rest, stranded: { ...stranded, message: trouble.slice(0, 1500) } };
}

/** A time farther ahead than any pause lasts was written by a clock that was wrong. */
function isDue(notBefore: string, now: number): boolean {
  const ahead = Date.parse(notBefore) - now;
  return ahead <= 0 || ahead > maxPauseSeconds * 1000;
}

function after(at: string, seconds: number): string {
  return new Date(Date.parse(at) + seconds * 1000).toISOString();
}
