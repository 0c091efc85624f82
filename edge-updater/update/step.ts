/**
 * A step of the machine is the next state and the work that belongs to it, the same when entered and after a restart.
 */
import type { InstalledRelease } from '../../contract/device-api/check.ts';
import type { Effect } from './effect.ts';
import type { Attempt, DeviceState } from './state.ts';

export interface UpdateStep {
  readonly state: DeviceState;
  /** Undefined where the device is at rest. */
  readonly effect: Effect | undefined;
}

/** The state with this update, and the work that belongs to it. */
export function enter(state: DeviceState, update: DeviceState['update']): UpdateStep {
  const next = { ...state, update };
  return { state: next, effect: effectOf(next) };
}

/** The work of a state: the same whether it was just entered or found again after a restart. */
export function effectOf(state: DeviceState): Effect {
  const { update, current, previous } = state;
  switch (update.phase) {
    case 'idle':
      return { kind: 'prune', keep: kept(state), keepDownloads: true, wayBack: wayBackOf(state) };
    case 'downloading':
      return { kind: 'fetch', attempt: update.attempt, installed: installed(state) };
    case 'rebuilding':
      return { kind: 'rebuild', attempt: update.attempt, installed: installed(state) };
    case 'staged':
      return { kind: 'verify', attempt: update.attempt };
    case 'switching':
      return { kind: 'switch', attempt: update.attempt, previous: behind(state, update.attempt) };
    case 'probation':
      return { kind: 'prove', attempt: update.attempt };
    case 'rolling-back':
      return { kind: 'restore', leaving: update.attempt.release, to: current, previous };
    case 'committed':
    case 'rolled-back':
      return { kind: 'prune', keep: kept(state), keepDownloads: false, wayBack: wayBackOf(state) };
    default:
      throw update satisfies never;
  }
}

/** What an earlier cleaning had to leave: downloads stay only for an attempt that ended before the switch. */
export function cleanUp(state: DeviceState): Effect {
  const keepDownloads = state.lastAttempt?.outcome === 'failed';
  return { kind: 'prune', keep: kept(state), keepDownloads, wayBack: wayBackOf(state) };
}

export function isRepair({ source }: Attempt): boolean {
  return source.kind === 'repair';
}

export function isUndo({ source }: Attempt): boolean {
  return source.kind === 'undo';
}

export function stay(state: DeviceState): UpdateStep {
  return { state, effect: undefined };
}

/** What `previous` names once the attempt has switched; a repair leaves both links where they are. */
export function behind({ current, previous }: DeviceState, attempt: Attempt): InstalledRelease | undefined {
  return isRepair(attempt) ? previous : current;
}

/** An attempt that reached another phase has made progress. */
export function moved(attempt: Attempt): Attempt {
  return { ...attempt, interruptions: 0 };
}

function installed(state: DeviceState): InstalledRelease[] {
  return [state.current, state.previous].filter((release) => release !== undefined);
}

/** By hand or by a permit, from the committed release to the one before it; of a stranded device the copy it may need yet. */
function wayBackOf({ current, previous, stranded }: DeviceState) {
  if (current && stranded?.left) return { from: current.manifestSha256, to: stranded.left };
  return current && previous && { from: previous.manifestSha256, to: current.manifestSha256 };
}

function kept(state: DeviceState): string[] {
  const releases = installed(state).map((release) => release.manifestSha256);
  const others = [state.setAside?.release.manifestSha256, state.ready].filter((digest) => digest !== undefined);
  return [...releases, ...others];
}

export function newAttempt(id: string, source: Attempt['source'], release: InstalledRelease, at: string): Attempt {
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
