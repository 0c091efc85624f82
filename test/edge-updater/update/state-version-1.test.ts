/** What an older updater finds in a journal of this one: everything that it has words for, in its own strict form. */
import { describe, expect, it } from 'vitest';
import { devicePhases } from '../../../contract/device-api/check.ts';
import { errorCodes, faultOf } from '../../../contract/errors.ts';
import { type DeviceState, deviceStateSchema } from '../../../edge-updater/update/state.ts';
import { deviceStateSchemaVersion1, stateInVersion1 } from '../../../edge-updater/update/state-version-1.ts';
import { at, attempt, inPhase, newer, newest, older, repairing, undoing } from './states.ts';

const { manifestSha256, version } = newest;

function full(state: DeviceState, code: string): DeviceState {
  const { id, source, transfer, startedAt } = attempt;
  const ended = { id, source, transfer, startedAt, endedAt: at, version, manifestSha256 };
  const report = { sequence: 4, at, attempt: 'a', version, phase: 'idle' as const, outcome: 'failed' as const };
  return {
    ...state,
    rejected: [{ manifestSha256, version, code, at }],
    held: [{ manifestSha256, version, code, message: 'm', count: 2, since: at, at, notBefore: at }],
    ready: manifestSha256,
    known: [manifestSha256],
    usedPermits: ['p'],
    outbox: [{ ...report, code, fault: faultOf(code), nextTryAt: at }],
    nextSequence: 5,
    lastAttempt: { ...ended, outcome: 'failed', code, message: 'm' },
    lastRefusal: { version, code, rollout: 'r' },
  };
}

describe('the state in version 1', () => {
  it.each(devicePhases)('is one that an older updater accepts in %s', (phase) => {
    const state = full(inPhase(phase), 'slot-damaged');
    const told = stateInVersion1(state);
    expect(deviceStateSchemaVersion1.parse(told)).toEqual(told);
    expect(told).toMatchObject({
      current: newer,
      previous: older,
      counterFloor: 2,
      nextSequence: 5,
      ready: manifestSha256,
    });
    expect(told.update.phase).toBe(phase);
  });

  it.each(
    devicePhases.filter((phase) => phase !== 'idle'),
  )('has no repair in %s: an older updater is at rest', (phase) => {
    const told = stateInVersion1(full(repairing(phase), 'slot-damaged'));
    expect(told.update).toEqual({ phase: 'idle' });
    expect(deviceStateSchemaVersion1.parse(told)).toEqual(told);
  });

  it.each(
    devicePhases.filter((phase) => phase !== 'idle'),
  )('has no undo in %s either, and nothing that is set aside', (phase) => {
    const told = stateInVersion1(full(undoing(phase), 'slot-damaged'));
    expect(told.update).toEqual({ phase: 'idle' });
    expect(deviceStateSchemaVersion1.parse(told)).toEqual(told);
  });

  it('leaves out what later updaters know of an attempt', () => {
    const told = stateInVersion1(full(inPhase('probation', { isFinal: true, countedBoot: 'b' }), 'slot-damaged'));
    expect(deviceStateSchemaVersion1.parse(told)).toEqual(told);
    expect(told.update.phase).toBe('probation');
  });

  it('has no repair that ended either', () => {
    const state = full(inPhase('idle'), 'disk-full');
    for (const kind of ['repair', 'undo'] as const) {
      const lastAttempt = state.lastAttempt && { ...state.lastAttempt, source: { kind } };
      const told = stateInVersion1({ ...state, ...(lastAttempt ? { lastAttempt } : {}) });
      expect(deviceStateSchemaVersion1.parse(told).lastAttempt).toMatchObject({ code: 'disk-full' });
    }
  });

  it('is one that an older updater accepts for every code that there is, and for those that will be', () => {
    for (const code of [...Object.keys(errorCodes), 'from-the-future']) {
      const told = stateInVersion1(full(inPhase('idle'), code));
      expect(deviceStateSchemaVersion1.safeParse(told).success, code).toBe(true);
    }
  });

  it('keeps rejections, permits and reports', () => {
    const told = stateInVersion1(full(inPhase('idle'), 'health-lost'));
    expect(told).toMatchObject({ rejected: [{ manifestSha256, code: 'health-lost' }], usedPermits: ['p'] });
    expect(told.outbox).toMatchObject([{ sequence: 4, code: 'health-lost' }]);
  });

  it('is read by this updater as well', () => {
    const told = stateInVersion1(full(inPhase('probation'), 'health-lost'));
    expect(deviceStateSchema.parse(told)).toMatchObject({ update: { phase: 'probation' }, held: [] });
  });

  it('is refused with one member more: that is why it is frozen', () => {
    const told = { ...stateInVersion1(inPhase('idle')), held: [] };
    expect(deviceStateSchemaVersion1.safeParse(told).success).toBe(false);
  });
});
