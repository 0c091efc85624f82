/** Writes reports into the state, so that a report and the change it tells of are durable in the same instant. */
import type { Report, UpdateOutcome } from '../../contract/device-api/report.ts';
import { faultOf } from '../../contract/errors.ts';
import { updateLimits } from './limits.ts';
import type { Attempt, DeviceState, Failure } from './state.ts';
import { isRepair } from './step.ts';

/** A report with a code says whose fault it is. */
export function withReport(state: DeviceState, report: Omit<Report, 'sequence' | 'fault'>): DeviceState {
  const fault = report.code === undefined ? {} : { fault: faultOf(report.code) };
  const outbox = [...state.outbox, { ...report, ...fault, sequence: state.nextSequence }];
  // Progress is worth less than an outcome, old news less than new.
  while (outbox.length > updateLimits.maxOutbox) {
    const progress = outbox.findIndex((kept) => kept.outcome === undefined);
    outbox.splice(Math.max(progress, 0), 1);
  }
  return { ...state, outbox, nextSequence: state.nextSequence + 1 };
}

export function progressReport(attempt: Attempt, phase: Report['phase'], at: string): Omit<Report, 'sequence'> {
  return { ...identity(attempt), at, phase, transfer: attempt.transfer };
}

/** Ends an attempt, once it is judged: the report of its outcome and the record that `status` shows. */
export function withOutcome(
  state: DeviceState,
  attempt: Attempt,
  phase: Report['phase'],
  outcome: UpdateOutcome,
  at: string,
  failure?: Failure,
): DeviceState {
  const message = [failure?.message, ...attempt.notes]
    .filter((part) => part !== undefined)
    .join('; ')
    .slice(0, 2000);
  const ending = {
    outcome,
    ...(failure?.code === undefined ? {} : { code: failure.code }),
    ...(message === '' ? {} : { message }),
    transfer: attempt.transfer,
  };
  const { manifestSha256 } = attempt.release;
  const hold = outcome === 'committed' ? undefined : state.held.find((held) => held.manifestSha256 === manifestSha256);
  const nextTry = hold?.notBefore === undefined ? {} : { nextTryAt: hold.notBefore };
  const ended: DeviceState = {
    ...state,
    lastAttempt: {
      id: attempt.id,
      source: attempt.source,
      version: attempt.release.version,
      manifestSha256,
      startedAt: attempt.startedAt,
      endedAt: at,
      ...ending,
    },
  };
  if (!isNews(state, attempt, outcome, failure?.code)) return ended;
  return withReport(ended, { ...identity(attempt), at, phase, ...ending, ...nextTry });
}

/** A repair that fails again as it did is no news: each check tells of the damage. */
function isNews({ lastAttempt }: DeviceState, attempt: Attempt, outcome: UpdateOutcome, code?: string): boolean {
  if (!isRepair(attempt) || outcome !== 'failed' || lastAttempt?.source.kind !== 'repair') return true;
  const isSame = lastAttempt.manifestSha256 === attempt.release.manifestSha256 && lastAttempt.code === code;
  return lastAttempt.outcome !== 'failed' || !isSame;
}

function identity(attempt: Attempt) {
  return {
    attempt: attempt.id,
    ...(attempt.source.kind === 'server' ? { rollout: attempt.source.rollout } : {}),
    version: attempt.release.version,
    manifestSha256: attempt.release.manifestSha256,
  };
}
