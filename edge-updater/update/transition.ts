/**
 * The device's state machine: one pure function from a state and an event to the next state and what to do then. The
 * caller makes the state durable first and acts second. An event that has no meaning in a state changes nothing, so a
 * late answer can do no harm.
 */
import type { InstalledRelease } from '../../contract/device-api/check.ts';
import type { Effect } from './effect.ts';
import type { Occurrence, UpdateEvent } from './event.ts';
import { updateLimits } from './limits.ts';
import { progressReport, withOutcome, withReport } from './reporting.ts';
import type { Attempt, DeviceState, Failure } from './state.ts';

export interface Step {
  readonly state: DeviceState;
  readonly effects: readonly Effect[];
}

export function transition(state: DeviceState, { event, at }: Occurrence): Step {
  switch (event.kind) {
    case 'accepted':
      return accepted(state, event, at);
    case 'refused':
      return stay(refused(state, event, at));
    case 'rollback-requested':
      return rollbackRequested(state, event, at);
    case 'rejections-forgotten':
      return stay({ ...state, rejected: [], failures: [] });
    case 'reports-acknowledged':
      return stay({ ...state, outbox: state.outbox.filter((report) => report.sequence > event.through) });
    case 'fetched':
      if (state.update.phase !== 'downloading') return stay(state);
      return enter(state, {
        phase: 'rebuilding',
        attempt: moved(noted({ ...state.update.attempt, transfer: event.transfer }, event.notes)),
      });
    case 'source-failed':
      return sourceFailed(state, event, at);
    case 'rebuilt':
      if (state.update.phase !== 'rebuilding') return stay(state);
      return enter(state, { phase: 'staged', attempt: moved(state.update.attempt) });
    case 'verified':
      if (state.update.phase !== 'staged') return stay(state);
      return enter(state, { phase: 'switching', attempt: moved(state.update.attempt) });
    case 'slot-damaged':
      return slotDamaged(state, event.message, at);
    case 'switched': {
      if (state.update.phase !== 'switching') return stay(state);
      const attempt = moved(state.update.attempt);
      return enter(withReport(state, progressReport(attempt, 'probation', at)), { phase: 'probation', attempt });
    }
    case 'healthy':
      return state.update.phase === 'probation' ? committed(state, state.update.attempt, at) : stay(state);
    case 'unhealthy':
      if (state.update.phase !== 'probation') return stay(state);
      return goBack(state, state.update.attempt, { code: event.code, message: event.message });
    case 'failed':
      return failed(state, event, at);
    case 'restored':
      return state.update.phase === 'rolling-back' ? rolledBack(state, state.update, event.confirmed, at) : stay(state);
    case 'pruned':
      if (state.update.phase !== 'committed' && state.update.phase !== 'rolled-back') return stay(state);
      return stay({ ...state, update: { phase: 'idle' } });
    default:
      throw event satisfies never;
  }
}

/** The state with this update, and the work that belongs to it. */
export function enter(state: DeviceState, update: DeviceState['update']): Step {
  const next = { ...state, update };
  return { state: next, effects: effectsOf(next) };
}

/** The work of a state: the same whether it was just entered or found again after a restart. */
export function effectsOf(state: DeviceState): Effect[] {
  const { update, current, previous } = state;
  switch (update.phase) {
    case 'idle':
      return [{ kind: 'prune', keep: kept(state), keepDownloads: true }];
    case 'downloading':
      return [{ kind: 'fetch', attempt: update.attempt, installed: installed(state) }];
    case 'rebuilding':
      return [{ kind: 'rebuild', attempt: update.attempt, installed: installed(state) }];
    case 'staged':
      return [{ kind: 'verify', attempt: update.attempt }];
    case 'switching':
      return [{ kind: 'switch', attempt: update.attempt, ...(current ? { previous: current } : {}) }];
    case 'probation':
      return [{ kind: 'prove', attempt: update.attempt }];
    case 'rolling-back':
      return [{ kind: 'restore', ...(current ? { to: current } : {}), ...(previous ? { previous } : {}) }];
    case 'committed':
    case 'rolled-back':
      return [{ kind: 'prune', keep: kept(state), keepDownloads: false }];
    default:
      throw update satisfies never;
  }
}

function stay(state: DeviceState): Step {
  return { state, effects: [] };
}

/** An attempt that reached another phase has made progress. */
function moved(attempt: Attempt): Attempt {
  return { ...attempt, interruptions: 0 };
}

/** Says each thing once; the oldest go first. */
function noted(attempt: Attempt, notes: readonly string[]): Attempt {
  const cut = notes.map((note) => note.slice(0, 300));
  return { ...attempt, notes: [...new Set([...attempt.notes, ...cut])].slice(-16) };
}

function installed(state: DeviceState): InstalledRelease[] {
  return [state.current, state.previous].filter((release) => release !== undefined);
}

function kept(state: DeviceState): string[] {
  return installed(state).map((release) => release.manifestSha256);
}

function accepted(state: DeviceState, event: Extract<UpdateEvent, { kind: 'accepted' }>, at: string): Step {
  if (state.update.phase !== 'idle') return stay(state);
  const attempt = newAttempt(event.attemptId, event.source, event.release, at);
  const { lastRefusal: _, ...rest } = state;
  return enter(withReport(rest, progressReport(attempt, 'downloading', at)), { phase: 'downloading', attempt });
}

function newAttempt(id: string, source: Attempt['source'], release: InstalledRelease, at: string): Attempt {
  return {
    id,
    source,
    release,
    startedAt: at,
    transfer: { bytesOnWire: 0, fullBytes: 0, resumedFrom: 0 },
    failedSources: [],
    notes: [],
    interruptions: 0,
    setbacks: 0,
    durableBytes: 0,
  };
}

function refused(state: DeviceState, event: Extract<UpdateEvent, { kind: 'refused' }>, at: string): DeviceState {
  const { version, code } = event;
  if (state.update.phase !== 'idle') return state;
  if (state.lastRefusal?.version === version && state.lastRefusal.code === code) return state;
  const message = event.message.slice(0, 2000);
  return withReport(
    { ...state, lastRefusal: { version, code } },
    { attempt: event.attemptId, at, version, phase: 'idle', outcome: 'failed', code, message },
  );
}

function sourceFailed(state: DeviceState, event: Extract<UpdateEvent, { kind: 'source-failed' }>, at: string): Step {
  if (state.update.phase !== 'rebuilding') return stay(state);
  const { attempt } = state.update;
  const note = `${event.what} failed (${event.code}: ${event.message})`;
  if (!event.fullAllowed) {
    const message = `${note}; configuration forbids the full download`;
    return giveUp(state, attempt, { code: 'full-download-forbidden', message }, { isCurable: false, at });
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
function slotDamaged(state: DeviceState, message: string, at: string): Step {
  if (state.update.phase !== 'staged' && state.update.phase !== 'switching') return stay(state);
  const { attempt } = state.update;
  const setbacks = attempt.setbacks + 1;
  if (setbacks > updateLimits.setbacks) {
    return giveUp(state, attempt, { code: 'digest-mismatch', message }, { isCurable: false, at });
  }
  return enter(state, { phase: 'downloading', attempt: { ...moved(attempt), setbacks } });
}

function failed(state: DeviceState, event: Extract<UpdateEvent, { kind: 'failed' }>, at: string): Step {
  const { update } = state;
  const failure: Failure = { code: event.code, message: event.message.slice(0, 1500) };
  switch (update.phase) {
    case 'downloading':
    case 'rebuilding':
    case 'staged': {
      const attempt = event.transfer ? { ...update.attempt, transfer: event.transfer } : update.attempt;
      return giveUp(state, attempt, failure, { isCurable: event.retryable, at });
    }
    // Whether the links moved is not known: going back is right in both cases.
    case 'switching':
    case 'probation':
      return goBack(state, update.attempt, failure);
    // Both must end; the caller waits and the work is done again.
    case 'rolling-back':
    case 'committed':
    case 'rolled-back':
      return { state, effects: effectsOf(state) };
    case 'idle':
      return stay(state);
    default:
      throw update satisfies never;
  }
}

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

export function goBack(state: DeviceState, attempt: Attempt, failure: Failure): Step {
  return enter(state, { phase: 'rolling-back', attempt: moved(attempt), failure });
}

function committed(state: DeviceState, attempt: Attempt, at: string): Step {
  const { current, previous: _, ...rest } = state;
  const next: DeviceState = {
    ...rest,
    current: attempt.release,
    ...(current ? { previous: current } : {}),
    counterFloor: Math.max(state.counterFloor, attempt.release.counter),
    failures: state.failures.filter((entry) => entry.manifestSha256 !== attempt.release.manifestSha256),
  };
  return enter(withOutcome(next, attempt, 'committed', 'committed', at), { phase: 'committed', attempt });
}

function rolledBack(
  state: DeviceState,
  { attempt, failure }: Extract<DeviceState['update'], { phase: 'rolling-back' }>,
  isConfirmed: boolean,
  at: string,
): Step {
  const told: Failure = isConfirmed
    ? failure
    : {
        ...failure,
        message: `${failure.message}; the release gone back to does not answer its health check yet`.slice(-1500),
      };
  const next = withOutcome(withRejection(state, attempt, failure, at), attempt, 'rolled-back', 'rolled-back', at, told);
  return enter(next, { phase: 'rolled-back', attempt, failure: told });
}

function withRejection(state: DeviceState, { release }: Attempt, { code }: Failure, at: string): DeviceState {
  const others = state.rejected.filter((entry) => entry.manifestSha256 !== release.manifestSha256);
  const entry = { manifestSha256: release.manifestSha256, version: release.version, ...(code ? { code } : {}), at };
  return { ...state, rejected: [...others, entry].slice(-updateLimits.maxRejected) };
}

/** By an operator: the committed release leaves, the one before it comes back; the counter floor stays. */
function rollbackRequested(
  state: DeviceState,
  event: Extract<UpdateEvent, { kind: 'rollback-requested' }>,
  at: string,
): Step {
  const { current, previous, ...rest } = state;
  if (state.update.phase !== 'idle' || !current || !previous) return stay(state);
  const attempt = newAttempt(event.attemptId, { kind: 'operator' }, current, at);
  return goBack({ ...rest, current: previous }, attempt, { message: 'an operator asked for it' });
}
