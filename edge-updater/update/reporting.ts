/** Writes reports into the state, so that a report and the change it tells of are durable in the same instant. */
import type { Report, UpdateOutcome } from '../../contract/device-api/report.ts';
import { updateLimits } from './limits.ts';
import type { Attempt, DeviceState, Failure } from './state.ts';

export function withReport(state: DeviceState, report: Omit<Report, 'sequence'>): DeviceState {
  const outbox = [...state.outbox, { ...report, sequence: state.nextSequence }];
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

/** Ends an attempt: the report of its outcome and the record that `status` shows. */
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
  const told = {
    outcome,
    ...(failure?.code === undefined ? {} : { code: failure.code }),
    ...(message === '' ? {} : { message }),
    transfer: attempt.transfer,
  };
  return withReport(
    {
      ...state,
      lastAttempt: {
        id: attempt.id,
        source: attempt.source,
        version: attempt.release.version,
        manifestSha256: attempt.release.manifestSha256,
        startedAt: attempt.startedAt,
        endedAt: at,
        ...told,
      },
    },
    { ...identity(attempt), at, phase, ...told },
  );
}

function identity(attempt: Attempt) {
  return {
    attempt: attempt.id,
    ...(attempt.source.kind === 'server' ? { rollout: attempt.source.rollout } : {}),
    version: attempt.release.version,
    manifestSha256: attempt.release.manifestSha256,
  };
}
