/** States of a device that was updated once and is on its way to a third release. */
import type { DevicePhase } from '../../../contract/device-api/check.ts';
import type { Attempt, DeviceState } from '../../../edge-updater/update/state.ts';
import { blankState } from '../../../edge-updater/update/state.ts';

export const at = '2026-12-01T00:00:00.000Z';
export const moment = { at, pollSeconds: 900 };
export const older = { version: '1.0.0', counter: 1, manifestSha256: '1'.repeat(64) };
export const newer = { version: '2.0.0', counter: 2, manifestSha256: '2'.repeat(64) };
export const newest = { version: '3.0.0', counter: 3, manifestSha256: '3'.repeat(64) };

export const attempt: Attempt = {
  id: 'a',
  source: { kind: 'server', rollout: 'r' },
  release: newest,
  startedAt: at,
  transfer: { bytesOnWire: 7, fullBytes: 70, resumedFrom: 3 },
  failedSources: [],
  notes: [],
  interruptions: 0,
  setbacks: 0,
  durableBytes: 0,
};

export function inPhase(phase: DevicePhase, change: Partial<Attempt> = {}): DeviceState {
  const base: DeviceState = { ...blankState, current: newer, previous: older, counterFloor: newer.counter };
  const changed = { ...attempt, ...change };
  switch (phase) {
    case 'idle':
      return base;
    case 'rolling-back':
    case 'rolled-back':
      return { ...base, update: { phase, attempt: changed, failure: { code: 'health-lost', message: 'm' } } };
    default:
      return { ...base, update: { phase, attempt: changed } };
  }
}

/** An operator takes the last rollback back, which left the newest. */
export function undoing(phase: Exclude<DevicePhase, 'idle'>, change: Partial<Attempt> = {}): DeviceState {
  const rejected = [{ manifestSha256: newest.manifestSha256, version: newest.version, at }];
  const state = inPhase(phase, { source: { kind: 'undo' }, ...change });
  return { ...state, counterFloor: newest.counter, rejected, setAside: { release: newest, at } };
}

/** A repair of the release that runs; one that goes back says that the slot is damaged, whatever came of the repair. */
export function repairing(phase: Exclude<DevicePhase, 'idle'>, change: Partial<Attempt> = {}): DeviceState {
  const state = inPhase(phase, { source: { kind: 'repair' }, release: newer, ...change });
  const { update } = state;
  if (!('failure' in update)) return state;
  return { ...state, update: { ...update, failure: { ...update.failure, code: 'slot-damaged' } } };
}
