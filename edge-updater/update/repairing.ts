/**
 * Repairs a running release whose files are damaged: it is made anew from its own manifest, as an attempt that ends
 * where it began. Where that cannot be done, the device goes back to the release that it kept. Nothing is known against
 * the damaged one, so it may come back at the very counter that it left behind.
 */
import type { UpdateEvent } from './event.ts';
import { updateLimits } from './limits.ts';
import { progressReport, withReport } from './reporting.ts';
import type { Attempt, DeviceState, Failure } from './state.ts';
import { enter, moved, newAttempt, stay, type UpdateStep } from './step.ts';

export function damageFound(
  state: DeviceState,
  { attemptId, message }: Extract<UpdateEvent, { kind: 'damage-found' }>,
  at: string,
): UpdateStep {
  const { current, lastAttempt } = state;
  if (state.update.phase !== 'idle' || !current) return stay(state);
  const attempt = newAttempt(attemptId, { kind: 'repair' }, current, at);
  const isAgain =
    lastAttempt?.source.kind === 'repair' &&
    lastAttempt.outcome === 'failed' &&
    lastAttempt.manifestSha256 === current.manifestSha256;
  const report = {
    ...progressReport(attempt, 'downloading', at),
    code: 'slot-damaged',
    message: message.slice(0, 2000),
  };
  return enter(isAgain ? state : withReport(state, report), { phase: 'downloading', attempt });
}

/** It could not be made anew, and the release before it is whole. */
export function damageRemains(
  state: DeviceState,
  { attemptId, message }: Extract<UpdateEvent, { kind: 'damage-remains' }>,
  at: string,
): UpdateStep {
  const { current, previous } = state;
  if (state.update.phase !== 'idle' || !current || !previous) return stay(state);
  const attempt = newAttempt(attemptId, { kind: 'repair' }, current, at);
  return leaveDamaged(state, attempt, { code: 'slot-damaged', message });
}

/** Back to the previous release; without one the device stays where it is, and its service is started once more. */
export function leaveDamaged(state: DeviceState, attempt: Attempt, { code, message }: Failure): UpdateStep {
  const why = code === undefined || code === 'slot-damaged' ? message : `${code}: ${message}`;
  const failure: Failure = { code: 'slot-damaged', message: why.slice(0, 1500) };
  const { current, previous, ...rest } = state;
  const update = { phase: 'rolling-back', attempt: moved(attempt), failure } as const;
  if (!current || !previous) return enter(state, update);
  return enter({ ...withKnown(rest, [attempt.release.manifestSha256]), current: previous }, update);
}

/** Remembers releases that may be installed at the counter that this device has committed. */
export function withKnown<S extends Pick<DeviceState, 'known'>>(state: S, digests: readonly string[]): S {
  const known = [...new Set([...state.known.filter((digest) => !digests.includes(digest)), ...digests])];
  return { ...state, known: known.slice(-updateLimits.maxKnown) };
}
