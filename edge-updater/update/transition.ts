/**
 * Runs the device's state machine: one pure function from a state and an event to the next state and what to do then.
 * The caller makes the state durable first and acts second. An event that has no meaning in a state changes nothing, so
 * a late answer can do no harm.
 */
import type { InstalledRelease } from '../../contract/device-api/check.ts';
import type { Moment, Occurrence, UpdateEvent } from './event.ts';
import { giveUp, withoutRejections } from './giving-up.ts';
import {
  goBack,
  leaveProbation,
  permitAccepted,
  permitRefused,
  rollbackRequested,
  rolledBack,
  undoRequested,
} from './going-back.ts';
import { updateLimits } from './limits.ts';
import { damageFound, damageRemains } from './repairing.ts';
import { progressReport, withOutcome, withReport } from './reporting.ts';
import type { Attempt, DeviceState, Failure } from './state.ts';
import { behind, effectOf, enter, isUndo, moved, newAttempt, stay, type UpdateStep } from './step.ts';
import { revivalDue, revived, strand } from './stranded.ts';
import { isWaiting, rebuilt, waitEnded, windowOpened } from './waiting.ts';

export function transition(state: DeviceState, { event, ...moment }: Occurrence): UpdateStep {
  const { at } = moment;
  switch (event.kind) {
    case 'accepted':
      return accepted(state, event, at);
    case 'refused':
      return stay(refused(state, event, at));
    case 'rollback-requested':
      return rollbackRequested(state, event, at);
    case 'undo-requested':
      return undoRequested(state, event, at);
    case 'permit-accepted':
      return permitAccepted(state, event, at);
    case 'damage-found':
      return damageFound(state, event, at);
    case 'damage-remains':
      return damageRemains(state, event, at);
    case 'permit-refused':
      return stay(permitRefused(state, event, at));
    case 'adopted':
      return stay(adopted(state, event.release));
    case 'rejections-forgotten':
      return stay(
        withoutRejections(
          state,
          state.rejected.map(({ manifestSha256 }) => manifestSha256),
        ),
      );
    case 'reports-acknowledged':
      return stay({ ...state, outbox: state.outbox.filter((report) => report.sequence > event.through) });
    case 'fetched':
      if (state.update.phase !== 'downloading') return stay(state);
      return enter(state, {
        phase: 'rebuilding',
        attempt: moved(noted({ ...state.update.attempt, transfer: event.transfer }, event.notes)),
      });
    case 'source-failed':
      return sourceFailed(state, event, moment);
    case 'rebuilt':
      return state.update.phase === 'rebuilding' ? rebuilt(state, state.update.attempt, at) : stay(state);
    case 'verified':
      return state.update.phase === 'staged' ? verified(state, state.update.attempt, event.notes) : stay(state);
    case 'window-opened':
      return isWaiting(state.update) ? windowOpened(state, state.update.attempt, moment) : stay(state);
    case 'switch-allowed':
      if (!isWaiting(state.update)) return stay(state);
      return enter(state, { phase: 'switching', attempt: moved(state.update.attempt) });
    case 'wait-ended':
      return isWaiting(state.update) ? waitEnded(state, state.update.attempt, event.message, at) : stay(state);
    case 'slot-damaged':
      return slotDamaged(state, event.message, moment);
    case 'switched': {
      if (state.update.phase !== 'switching') return stay(state);
      const attempt = moved(state.update.attempt);
      return enter(withReport(state, progressReport(attempt, 'probation', at)), { phase: 'probation', attempt });
    }
    case 'healthy':
      if (state.update.phase !== 'probation') return stay(state);
      return committed(state, noted(state.update.attempt, event.evidence ? [event.evidence] : []), at);
    case 'unhealthy':
      if (state.update.phase !== 'probation') return stay(state);
      return leaveProbation(state, state.update.attempt, { code: event.code, message: event.message }, at);
    case 'failed':
      return failed(state, event, moment);
    case 'restored':
      return restored(state, event, moment);
    case 'stranded-found':
      return stay(state.update.phase === 'idle' ? strand(state, event.attemptId, event.message, moment) : state);
    case 'revival-due':
      return revivalDue(state, moment);
    case 'revived':
      return stay(revived(state, event.trouble));
    case 'pruned':
      if (state.update.phase !== 'committed' && state.update.phase !== 'rolled-back') return stay(state);
      return stay({ ...state, update: { phase: 'idle' } });
    default:
      throw event satisfies never;
  }
}

/** A timed update rests here; the code that knows the window lets it go on. */
function verified(state: DeviceState, attempt: Attempt, notes: readonly string[] = []): UpdateStep {
  if (!attempt.isTimed) return enter(state, { phase: 'switching', attempt: moved(noted(attempt, notes)) });
  return stay(notes.length === 0 ? state : { ...state, update: { phase: 'staged', attempt: noted(attempt, notes) } });
}

/** Nothing leads back to a release that was there before: its data is not kept. The counter floor stays. */
function adopted(state: DeviceState, current: InstalledRelease): DeviceState {
  if (state.update.phase !== 'idle' || state.current?.manifestSha256 === current.manifestSha256) return state;
  const { setAside: _, ...rest } = state;
  return { ...rest, current, previous: undefined };
}

function restored(state: DeviceState, event: Extract<UpdateEvent, { kind: 'restored' }>, moment: Moment): UpdateStep {
  const { note = '' } = event;
  if (state.update.phase !== 'rolling-back') {
    // A restart went back without an attempt.
    if (event.isStranded) return stay(strand(state, 'recovery', note, moment));
    return stay(event.confirmed ? revived(state, undefined) : state);
  }
  const { attempt } = state.update;
  const left = attempt.release.manifestSha256;
  const found = event.isStranded
    ? strand(state, attempt.id, note, moment, left)
    : event.confirmed
      ? revived(state, undefined)
      : state;
  return rolledBack(found, withNote(state.update, event.note), event, moment);
}

function withNote(update: Extract<DeviceState['update'], { phase: 'rolling-back' }>, note: string | undefined) {
  if (note === undefined) return update;
  const { message } = update.failure;
  return { ...update, failure: { ...update.failure, message: `${message.slice(0, 1200)}; ${note.slice(0, 280)}` } };
}

/** Says each thing once; the oldest go first. */
function noted(attempt: Attempt, notes: readonly string[]): Attempt {
  const cut = notes.map((note) => note.slice(0, 300));
  return { ...attempt, notes: [...new Set([...attempt.notes, ...cut])].slice(-16) };
}

function accepted(state: DeviceState, event: Extract<UpdateEvent, { kind: 'accepted' }>, at: string): UpdateStep {
  if (state.update.phase !== 'idle') return stay(state);
  const { manifestSha256 } = event.release;
  const attempt: Attempt = {
    ...newAttempt(event.attemptId, event.source, event.release, at),
    ...(event.isTimed ? { isTimed: true } : {}),
    ...(event.isFinal ? { isFinal: true } : {}),
  };
  const { lastRefusal: _, ready: __, ...rest } = state;
  const open = event.isRetry ? withoutRejections(rest, [manifestSha256]) : rest;
  const next = withReport(open, progressReport(attempt, 'downloading', at));
  return enter(next, { phase: 'downloading', attempt });
}

function refused(state: DeviceState, event: Extract<UpdateEvent, { kind: 'refused' }>, at: string): DeviceState {
  const { version, code, rollout } = event;
  if (state.update.phase !== 'idle') return state;
  const last = state.lastRefusal;
  if (last?.version === version && last.code === code && last.rollout === rollout) return state;
  const message = event.message.slice(0, 2000);
  return withReport(
    { ...state, lastRefusal: { version, code, rollout } },
    { attempt: event.attemptId, at, rollout, version, phase: 'idle', outcome: 'failed', code, message },
  );
}

function sourceFailed(
  state: DeviceState,
  event: Extract<UpdateEvent, { kind: 'source-failed' }>,
  moment: Moment,
): UpdateStep {
  if (state.update.phase !== 'rebuilding') return stay(state);
  const { attempt } = state.update;
  const note = `${event.what} failed (${event.code}: ${event.message})`;
  if (!event.fullAllowed) {
    const message = `${note}; configuration forbids the full download`;
    return giveUp(state, attempt, { code: 'full-download-forbidden', message }, moment);
  }
  return enter(state, {
    phase: 'downloading',
    attempt: {
      ...attempt,
      failedSources: [...attempt.failedSources, event.source],
      notes: noted(attempt, [`${note}; went on without it`]).notes,
    },
  });
}

/** A slot that changed on the disk is made again, a limited number of times; nothing ran from it. */
function slotDamaged(state: DeviceState, message: string, moment: Moment): UpdateStep {
  if (state.update.phase !== 'staged' && state.update.phase !== 'switching') return stay(state);
  const { attempt, phase } = state.update;
  if (isUndo(attempt)) {
    // Nothing is brought for it anew.
    const failure: Failure = { code: 'slot-damaged', message: message.slice(0, 1500) };
    return phase === 'staged' ? giveUp(state, attempt, failure, moment) : goBack(state, attempt, failure);
  }
  const setbacks = attempt.setbacks + 1;
  if (setbacks > updateLimits.setbacks) {
    return giveUp(state, attempt, { code: 'digest-mismatch', message }, moment);
  }
  return enter(state, { phase: 'downloading', attempt: { ...moved(attempt), setbacks } });
}

function failed(state: DeviceState, event: Extract<UpdateEvent, { kind: 'failed' }>, moment: Moment): UpdateStep {
  const { update } = state;
  const failure: Failure = { code: event.code, message: event.message.slice(0, 1500) };
  switch (update.phase) {
    case 'downloading':
    case 'rebuilding':
    case 'staged': {
      const attempt = event.transfer ? { ...update.attempt, transfer: event.transfer } : update.attempt;
      return giveUp(state, attempt, failure, moment);
    }
    // Whether the links moved is not known: going back is right in both cases.
    case 'switching':
      return goBack(state, update.attempt, failure);
    case 'probation':
      return leaveProbation(state, update.attempt, failure, moment.at);
    // Both must end; the caller waits and the work is done again.
    case 'rolling-back':
    case 'committed':
    case 'rolled-back':
      return { state, effect: effectOf(state) };
    case 'idle':
      return stay(state);
    default:
      throw update satisfies never;
  }
}

function committed(state: DeviceState, attempt: Attempt, at: string): UpdateStep {
  const { stranded: _, setAside: __, ...rest } = state;
  const open = isUndo(attempt) ? withoutRejections(rest, [attempt.release.manifestSha256]) : rest;
  const next: DeviceState = {
    ...open,
    current: attempt.release,
    previous: behind(state, attempt),
    counterFloor: Math.max(state.counterFloor, attempt.release.counter),
    // What was held before was held on the way to something newer than it was.
    held: [],
  };
  return enter(withOutcome(next, attempt, 'committed', 'committed', at), { phase: 'committed', attempt });
}
