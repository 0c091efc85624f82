/** The state machine as a table: which event moves which phase where, and what is asked for then. */
import { describe, expect, it } from 'vitest';
import { type DevicePhase, devicePhases } from '../../../contract/device-api/check.ts';
import { type ErrorCode, errorCodes, faultOf } from '../../../contract/errors.ts';
import type { UpdateEvent } from '../../../edge-updater/update/event.ts';
import { blankState, type DeviceState, deviceStateSchema } from '../../../edge-updater/update/state.ts';
import { transition } from '../../../edge-updater/update/transition.ts';
import { at, attempt, inPhase, moment, newer, newest, older, repairing, undoing } from './states.ts';

const transfer = { bytesOnWire: 10, fullBytes: 20, resumedFrom: 5 };
const events: Record<UpdateEvent['kind'], UpdateEvent> = {
  accepted: { kind: 'accepted', attemptId: 'b', release: newest, source: { kind: 'server', rollout: 'r' } },
  refused: { kind: 'refused', attemptId: 'b', rollout: 'r', version: '3.0.0', code: 'target-unknown', message: 'no' },
  fetched: { kind: 'fetched', transfer, notes: [] },
  rebuilt: { kind: 'rebuilt' },
  'source-failed': {
    ...{ kind: 'source-failed', source: 'd'.repeat(64), what: 'the delta for k3s', code: 'vcdiff-truncated' },
    ...{ message: 'ends', fullAllowed: true },
  },
  verified: { kind: 'verified' },
  'window-opened': { kind: 'window-opened' },
  'switch-allowed': { kind: 'switch-allowed' },
  'wait-ended': { kind: 'wait-ended', message: 'the server answers rollout-paused' },
  'slot-damaged': { kind: 'slot-damaged', message: 'changed' },
  switched: { kind: 'switched' },
  healthy: { kind: 'healthy' },
  unhealthy: { kind: 'unhealthy', code: 'health-timeout', message: 'never answered' },
  restored: { kind: 'restored', confirmed: true },
  'stranded-found': { kind: 'stranded-found', attemptId: 's', message: 'half exchanged' },
  'revival-due': { kind: 'revival-due' },
  revived: { kind: 'revived', trouble: 'not yet' },
  adopted: { kind: 'adopted', release: { version: '1.0.0', counter: 1, manifestSha256: 'f'.repeat(64) } },
  pruned: { kind: 'pruned' },
  failed: { kind: 'failed', code: 'io-error', message: 'disk' },
  'rollback-requested': { kind: 'rollback-requested', attemptId: 'b' },
  'undo-requested': { kind: 'undo-requested', attemptId: 'b' },
  'permit-accepted': { kind: 'permit-accepted', attemptId: 'b', permitId: 'p'.repeat(16), rollout: 'r' },
  'permit-refused': { kind: 'permit-refused', attemptId: 'b', rollout: 'r', code: 'permit-expired', message: 'old' },
  'damage-found': { kind: 'damage-found', attemptId: 'b', message: 'bin is gone' },
  'damage-remains': { kind: 'damage-remains', attemptId: 'b', message: 'bin is gone; no network' },
  'rejections-forgotten': { kind: 'rejections-forgotten' },
  'reports-acknowledged': { kind: 'reports-acknowledged', through: 1 },
};

const codes = Object.keys(errorCodes) as ErrorCode[];
const held = codes.filter((code) => faultOf(code) !== 'release');
const rejecting = codes.filter((code) => faultOf(code) === 'release');

/** Every move that is one; all others leave the phase alone. */
const moves: Record<DevicePhase, Partial<Record<UpdateEvent['kind'], [DevicePhase, string]>>> = {
  idle: {
    accepted: ['downloading', 'fetch'],
    'rollback-requested': ['rolling-back', 'restore'],
    'damage-found': ['downloading', 'fetch'],
    'damage-remains': ['rolling-back', 'restore'],
    'permit-accepted': ['rolling-back', 'restore'],
  },
  downloading: { fetched: ['rebuilding', 'rebuild'], failed: ['idle', 'prune'] },
  rebuilding: {
    rebuilt: ['staged', 'verify'],
    'source-failed': ['downloading', 'fetch'],
    failed: ['idle', 'prune'],
  },
  staged: { verified: ['switching', 'switch'], 'slot-damaged': ['downloading', 'fetch'], failed: ['idle', 'prune'] },
  switching: {
    switched: ['probation', 'prove'],
    'slot-damaged': ['downloading', 'fetch'],
    failed: ['rolling-back', 'restore'],
  },
  probation: {
    healthy: ['committed', 'prune'],
    unhealthy: ['rolling-back', 'restore'],
    failed: ['rolling-back', 'restore'],
  },
  committed: { pruned: ['idle', ''], failed: ['committed', 'prune'] },
  'rolling-back': { restored: ['rolled-back', 'prune'], failed: ['rolling-back', 'restore'] },
  'rolled-back': { pruned: ['idle', ''], failed: ['rolled-back', 'prune'] },
};

function apply(state: DeviceState, event: UpdateEvent) {
  return transition(state, { event, ...moment });
}

describe.each(devicePhases)('in %s', (phase) => {
  it.each(Object.keys(events) as UpdateEvent['kind'][])('%s leads where the table says', (kind) => {
    const state = inPhase(phase);
    const step = apply(state, events[kind]);
    const [expected, effect] = moves[phase][kind] ?? [phase, ''];
    expect(step.state.update.phase).toBe(expected);
    expect(step.effect?.kind ?? '').toBe(effect);
    expect(deviceStateSchema.parse(step.state)).toEqual(step.state);
  });
});

describe.each(devicePhases.filter((phase) => phase !== 'idle'))('in %s of a repair', (phase) => {
  it.each(Object.keys(events) as UpdateEvent['kind'][])('%s leads where the table says', (kind) => {
    const step = apply(repairing(phase), events[kind]);
    const [expected, effect] = moves[phase][kind] ?? [phase, ''];
    expect(step.state.update.phase).toBe(expected);
    expect(step.effect?.kind ?? '').toBe(effect);
    expect(deviceStateSchema.parse(step.state)).toEqual(step.state);
    expect(step.state.rejected).toEqual([]);
    expect([newer, older]).toContainEqual(step.state.current);
  });
});

describe.each(devicePhases.filter((phase) => phase !== 'idle'))('in %s of an undo', (phase) => {
  const movesOfUndo: typeof moves = {
    ...moves,
    staged: { ...moves.staged, 'slot-damaged': ['idle', 'prune'] },
    switching: { ...moves.switching, 'slot-damaged': ['rolling-back', 'restore'] },
  };

  it.each(Object.keys(events) as UpdateEvent['kind'][])('%s leads where the table says', (kind) => {
    const step = apply(undoing(phase), events[kind]);
    const [expected, effect] = movesOfUndo[phase][kind] ?? [phase, ''];
    expect(step.state.update.phase).toBe(expected);
    expect(step.effect?.kind ?? '').toBe(effect);
    expect(deviceStateSchema.parse(step.state)).toEqual(step.state);
    // What was known against the release stays until it is kept, and nothing is added.
    const isKept = expected === 'committed' && phase !== 'committed';
    const isForgotten = kind === 'rejections-forgotten';
    expect(step.state.rejected.length).toBe(isKept || isForgotten ? 0 : 1);
    expect(step.state.held).toEqual([]);
  });
});

describe('an undo', () => {
  const { rejected, setAside } = undoing('staged');
  const rested = { ...inPhase('idle'), rejected, ...(setAside ? { setAside } : {}) };

  it('begins with reading the slot that was left, and keeps it meanwhile', () => {
    const step = apply(rested, events['undo-requested']);
    expect(step.effect).toMatchObject({ kind: 'verify', attempt: { source: { kind: 'undo' }, release: newest } });
    expect(apply(inPhase('idle'), events['undo-requested']).state).toEqual(inPhase('idle'));
    const { effect } = apply(step.state, { kind: 'failed', code: 'memory-short', message: 'm' });
    expect(effect).toMatchObject({ kind: 'prune', keep: [newer, older, newest].map((each) => each.manifestSha256) });
  });

  it('that is kept may be gone back from, and lifts what was known against the release', () => {
    const { state } = apply(undoing('probation'), events.healthy);
    expect(state).toMatchObject({ current: newest, previous: newer, rejected: [], known: [newest.manifestSha256] });
    expect(state.setAside).toBeUndefined();
  });

  it('is possible after each way back that has set data aside, until another release is kept', () => {
    const going = apply(inPhase('probation'), events.unhealthy).state;
    const back = apply(going, { kind: 'restored', confirmed: true, isSetAside: true }).state;
    expect(back.setAside).toEqual({ release: newest, at });
    expect(apply(going, { kind: 'restored', confirmed: true }).state.setAside).toBeUndefined();
    const other = { ...inPhase('probation'), setAside: { release: older, at } };
    expect(apply(other, events.healthy).state.setAside).toBeUndefined();
  });

  it('is given up for the room that another update needs', () => {
    const downloading = { ...inPhase('downloading'), setAside: { release: older, at } };
    const full = { kind: 'failed', code: 'disk-full', message: 'm' } as const;
    expect(apply(downloading, full).state.setAside).toBeUndefined();
    expect(apply(downloading, { ...full, code: 'io-error' }).state.setAside).toBeDefined();
  });
});

describe('a repair', () => {
  const found = apply(inPhase('idle'), events['damage-found']);

  it('begins with a report of the damage that names no rollout', () => {
    const report = { version: newer.version, phase: 'downloading', code: 'slot-damaged', fault: 'device' };
    expect(found.state.outbox).toMatchObject([{ ...report, message: 'bin is gone' }]);
    expect(found.state.outbox[0]).not.toHaveProperty('rollout');
    expect(found.state.outbox[0]).not.toHaveProperty('outcome');
  });

  it('leaves both links where they are', () => {
    expect(apply(repairing('staged'), events.verified).effect).toMatchObject({ kind: 'switch', previous: older });
    const { state } = apply(repairing('probation'), events.healthy);
    expect(state).toMatchObject({ current: newer, previous: older, counterFloor: newer.counter });
    expect(state.outbox.at(-1)).toMatchObject({ outcome: 'committed', version: newer.version });
  });

  it('that cannot be made is held, not rejected, and is no news the second time', () => {
    const once = apply(found.state, { kind: 'failed', code: 'server-unreachable', message: 'm' }).state;
    expect(once).toMatchObject({ update: { phase: 'idle' }, current: newer, rejected: [] });
    expect(once.held).toMatchObject([{ version: newer.version, code: 'server-unreachable' }]);
    const again = apply(once, events['damage-found']).state;
    const twice = apply(again, { kind: 'failed', code: 'server-unreachable', message: 'm' }).state;
    expect(twice.outbox).toEqual(once.outbox);
    const other = apply(again, { kind: 'failed', code: 'disk-full', message: 'm' }).state;
    expect(other.outbox.length).toBe(once.outbox.length + 1);
  });

  it.each([
    ['that cannot be made', () => apply(inPhase('idle'), events['damage-remains'])],
    ['that does not become healthy', () => apply(repairing('probation'), events.unhealthy)],
  ])('%s goes back to the previous release, which is no rejection', (_, act) => {
    const going = act();
    expect(going.effect).toEqual({ kind: 'restore', leaving: newer, to: older });
    const { state } = apply(going.state, events.restored);
    expect(state).toMatchObject({ current: older, rejected: [], known: [newer.manifestSha256], counterFloor: 2 });
    expect(state.previous).toBeUndefined();
    expect(state.outbox.at(-1)).toMatchObject({ outcome: 'rolled-back', code: 'slot-damaged', fault: 'device' });
  });

  it('that does not become healthy stays where it is when there is nothing to go back to', () => {
    const { previous: _, ...only } = repairing('probation');
    const going = apply(only, events.unhealthy);
    expect(going.effect).toEqual({ kind: 'restore', leaving: newer, to: newer });
    const { state } = apply(going.state, events.restored);
    expect(state).toMatchObject({ current: newer, rejected: [], lastAttempt: { outcome: 'failed' } });
  });

  it('without a release, and going back without a previous one, are nothing', () => {
    expect(apply(blankState, events['damage-found']).state).toBe(blankState);
    const { previous: _, ...only } = inPhase('idle');
    expect(apply(only, events['damage-remains']).state).toBe(only);
  });
});

describe('rejections that a person lifts', () => {
  it('are not sent any more, and are remembered', () => {
    const rejected = [{ manifestSha256: newest.manifestSha256, version: newest.version, at }];
    const { state } = apply({ ...inPhase('idle'), rejected, known: ['c'.repeat(64)] }, events['rejections-forgotten']);
    expect(state).toMatchObject({ rejected: [], known: ['c'.repeat(64), newest.manifestSha256] });
  });
});

describe('waiting for a window', () => {
  const waiting = inPhase('staged', { isTimed: true });
  const movesOfOne: Partial<Record<UpdateEvent['kind'], [DevicePhase, string]>> = {
    'window-opened': ['staged', 'verify'],
    'switch-allowed': ['switching', 'switch'],
    'wait-ended': ['idle', 'prune'],
    'slot-damaged': ['downloading', 'fetch'],
    failed: ['idle', 'prune'],
  };

  it.each(Object.keys(events) as UpdateEvent['kind'][])('%s leads where the table says', (kind) => {
    const step = apply(waiting, events[kind]);
    const [expected, effect] = movesOfOne[kind] ?? ['staged', ''];
    expect(step.state.update.phase).toBe(expected);
    expect(step.effect?.kind ?? '').toBe(effect);
    expect(deviceStateSchema.parse(step.state)).toEqual(step.state);
  });

  it('begins with one report that the release is ready', () => {
    const { state } = apply(inPhase('rebuilding', { isTimed: true }), events.rebuilt);
    expect(state.outbox.map(({ phase, outcome }) => ({ phase, outcome }))).toEqual([
      { phase: 'staged', outcome: undefined },
    ]);
    expect(apply(inPhase('rebuilding'), events.rebuilt).state.outbox).toEqual([]);
  });

  it('that ends keeps the slot, is told without an outcome and leaves the release acceptable', () => {
    const { state, effect } = apply(waiting, events['wait-ended']);
    expect(effect).toMatchObject({ kind: 'prune', keep: [newer, older, newest].map((r) => r.manifestSha256) });
    expect(state.outbox).toMatchObject([{ phase: 'idle', message: 'the server answers rollout-paused' }]);
    expect(state.outbox[0]?.outcome).toBeUndefined();
    expect(state).toMatchObject({ rejected: [], held: [] });
    expect(apply(state, events.accepted).state.ready).toBeUndefined();
  });

  it('gives up on windows that always end too early', () => {
    let state = waiting;
    let windows = 0;
    while (state.update.phase === 'staged') {
      state = apply(state, events['window-opened']).state;
      windows++;
      expect(windows).toBeLessThan(20);
    }
    expect(state.lastAttempt).toMatchObject({ outcome: 'failed', code: 'update-interrupted' });
  });
});

describe('a retry', () => {
  const rejected = [older, newest].map(({ version, manifestSha256 }) => ({ version, manifestSha256, at }));
  const base = { ...inPhase('idle'), rejected };
  const { state } = apply(base, { ...events.accepted, isRetry: true } as UpdateEvent);

  it('lifts the rejection of exactly that release', () => {
    expect(state.rejected.map((entry) => entry.version)).toEqual([older.version]);
    expect(apply(base, events.accepted).state.rejected).toEqual(rejected);
  });

  it('of a release that still does not work rejects it again', () => {
    const back = apply({ ...state, update: inPhase('probation').update }, events.unhealthy).state;
    const after = apply(back, events.restored).state;
    expect(after.rejected.map((entry) => entry.version)).toEqual([older.version, newest.version]);
  });
});

describe('a permit', () => {
  const asked = apply(inPhase('idle'), events['permit-accepted']);
  const { state } = apply(asked.state, events.restored);

  it('is used up in the step that goes back', () => {
    expect(asked.state.usedPermits).toEqual(['p'.repeat(16)]);
    expect(asked.effect).toEqual({ kind: 'restore', leaving: newer, to: older });
  });

  it('ends on the previous release, which keeps the floor and rejects the one that is left', () => {
    expect(state).toMatchObject({ current: older, counterFloor: newer.counter });
    expect(state.rejected.map((entry) => entry.manifestSha256)).toEqual([newer.manifestSha256]);
  });

  it('is reported as the outcome of its rollout', () => {
    expect(state.outbox.at(-1)).toMatchObject({
      ...{ rollout: 'r', version: newer.version, outcome: 'rolled-back', code: 'reverted-by-permit' },
    });
  });

  it('that was refused changes nothing, and is told once and without an outcome', () => {
    const base = inPhase('idle');
    const once = apply(base, events['permit-refused']).state;
    const { outbox, nextSequence: _, lastRefusal: __, ...rest } = once;
    const { outbox: ___, nextSequence: ____, ...before } = base;
    expect(rest).toEqual(before);
    expect(outbox).toMatchObject([{ rollout: 'r', code: 'permit-expired', version: newer.version }]);
    expect(outbox[0]?.outcome).toBeUndefined();
    expect(apply(once, events['permit-refused']).state).toBe(once);
  });

  it.each(['downloading', 'staged', 'probation', 'rolling-back'] as const)('does not disturb %s', (phase) => {
    const base = inPhase(phase);
    expect(apply(base, events['permit-accepted']).state).toBe(base);
  });

  it('without a previous release changes nothing', () => {
    const { previous: _, ...only } = inPhase('idle');
    expect(apply(only, events['permit-accepted']).state).toBe(only);
  });
});

describe('committing', () => {
  const { state } = apply(inPhase('probation'), events.healthy);

  it('makes the new release current and the old one previous', () => {
    expect(state.current).toEqual(newest);
    expect(state.previous).toEqual(newer);
  });

  it('raises the counter floor, and nothing before it does', () => {
    expect(inPhase('probation').counterFloor).toBe(newer.counter);
    expect(state.counterFloor).toBe(newest.counter);
  });

  it('reports the outcome with the transfer in the same step', () => {
    expect(state.outbox.at(-1)).toMatchObject({ outcome: 'committed', phase: 'committed', version: newest.version });
    expect(state.lastAttempt).toMatchObject({ outcome: 'committed', transfer: attempt.transfer });
  });
});

describe('rolling back', () => {
  const back = apply(inPhase('probation'), events.unhealthy);
  const { state } = apply(back.state, events.restored);

  it('asks to restore the committed release with its own previous one', () => {
    expect(back.effect).toEqual({ kind: 'restore', leaving: newest, to: newer, previous: older });
  });

  it('keeps current, previous and the counter floor', () => {
    expect(state).toMatchObject({ current: newer, previous: older, counterFloor: newer.counter });
  });

  it('remembers the release as rejected, with the reason', () => {
    expect(state.rejected).toMatchObject([{ manifestSha256: newest.manifestSha256, code: 'health-timeout' }]);
    expect(state.outbox.at(-1)).toMatchObject({ outcome: 'rolled-back', code: 'health-timeout' });
  });

  it('says when the old release does not answer either', () => {
    const { state: unsure } = apply(back.state, { kind: 'restored', confirmed: false });
    expect(unsure.lastAttempt?.message).toMatch(/does not answer/);
  });

  it.each(held)('for %s does not reject the release, and tries it again after an hour', (code) => {
    const going = apply(inPhase('probation'), { kind: 'unhealthy', code, message: 'm' }).state;
    const ended = apply(going, events.restored).state;
    const nextTryAt = '2026-12-01T01:00:00.000Z';
    expect(ended).toMatchObject({ rejected: [], held: [{ code, count: 1, notBefore: nextTryAt }], current: newer });
    expect(ended.outbox.at(-1)).toMatchObject({ outcome: 'rolled-back', code, fault: faultOf(code), nextTryAt });
  });

  it.each(rejecting)('for %s rejects the release', (code) => {
    const going = apply(inPhase('probation'), { kind: 'unhealthy', code, message: 'm' }).state;
    const ended = apply(going, events.restored).state;
    expect(ended).toMatchObject({ rejected: [{ code, version: newest.version }], held: [] });
    expect(ended.outbox.at(-1)).toMatchObject({ outcome: 'rolled-back', code, fault: 'release' });
  });

  it('for a full disk between switch and commit does not reject the release', () => {
    for (const phase of ['switching', 'probation'] as const) {
      const going = apply(inPhase(phase), { kind: 'failed', code: 'disk-full', message: 'm' }).state;
      expect(apply(going, events.restored).state).toMatchObject({ rejected: [], held: [{ code: 'disk-full' }] });
    }
  });

  it('of a first release removes it: there is nothing to restore', () => {
    const { current: _, previous: __, ...first } = inPhase('probation');
    expect(apply(first, events.unhealthy).effect).toEqual({ kind: 'restore', leaving: newest });
  });

  it('by an operator keeps the floor and rejects the release that is left', () => {
    const asked = apply(inPhase('idle'), events['rollback-requested']);
    const done = apply(asked.state, events.restored).state;
    expect(done).toMatchObject({ current: older, counterFloor: newer.counter });
    expect(done.previous).toBeUndefined();
    expect(done.rejected.map((entry) => entry.manifestSha256)).toEqual([newer.manifestSha256]);
  });

  it('by an operator without a previous release changes nothing', () => {
    const { previous: _, ...only } = inPhase('idle');
    expect(apply(only, events['rollback-requested']).state).toBe(only);
  });
});

describe('a failure before the switch', () => {
  const failing = (code: ErrorCode) => ({ kind: 'failed', code, message: 'm' }) as const;

  it('leaves the device as it was and is reported', () => {
    const { state } = apply(inPhase('downloading'), failing('digest-mismatch'));
    expect(state).toMatchObject({ current: newer, previous: older, rejected: [] });
    expect(state.outbox.at(-1)).toMatchObject({ outcome: 'failed', code: 'digest-mismatch' });
  });

  it.each(held)('with %s never rejects the release, however often, and says whose fault it is', (code) => {
    let state = inPhase('downloading');
    for (let time = 0; time < 5; time++) {
      state = apply({ ...state, update: inPhase('downloading').update }, failing(code)).state;
    }
    expect(state.rejected).toEqual([]);
    expect(state.held).toMatchObject([{ manifestSha256: newest.manifestSha256, code, count: 5 }]);
    expect(state.outbox.at(-1)).toMatchObject({ outcome: 'failed', code, fault: faultOf(code) });
  });
});

describe('a delta that fails', () => {
  it('is not used again, and the operator is told', () => {
    const { state } = apply(inPhase('rebuilding'), events['source-failed']);
    expect(state.update).toMatchObject({ attempt: { failedSources: ['d'.repeat(64)] } });
    expect(state.update).toMatchObject({ attempt: { notes: [expect.stringContaining('vcdiff-truncated')] } });
  });

  it('ends the attempt where the full download is forbidden', () => {
    const event = { ...events['source-failed'], fullAllowed: false } as UpdateEvent;
    const { state } = apply(inPhase('rebuilding'), event);
    expect(state.update.phase).toBe('idle');
    expect(state.lastAttempt).toMatchObject({ outcome: 'failed', code: 'full-download-forbidden' });
  });
});

describe('reports', () => {
  it('are numbered without a gap and leave once acknowledged', () => {
    const first = apply(blankState, events.accepted).state;
    const second = apply(first, events.failed).state;
    expect(second.outbox.map((report) => report.sequence)).toEqual([1, 2]);
    const left = apply(second, { kind: 'reports-acknowledged', through: 1 }).state;
    expect(left.outbox.map((report) => report.sequence)).toEqual([2]);
    expect(left.nextSequence).toBe(3);
  });

  it('of progress make room before outcomes do', () => {
    let state: DeviceState = blankState;
    for (let time = 0; time < 60; time++) {
      state = apply(state, events.accepted).state;
      state = apply(state, { kind: 'failed', code: 'server-unreachable', message: 'm' }).state;
    }
    expect(state.outbox).toHaveLength(64);
    expect(state.outbox.filter((report) => report.outcome === 'failed')).toHaveLength(60);
  });

  it('tell of the same refused offer once', () => {
    const once = apply(inPhase('idle'), events.refused).state;
    expect(once.outbox).toHaveLength(1);
    expect(apply(once, events.refused).state).toBe(once);
  });
});

it('says in the report of a release that it keeps what the last look saw, within its bounds', () => {
  const evidence = `unit: k3s.service is active; ${'api: /readyz says ok; '.repeat(40)}`;
  const { state } = transition(inPhase('probation'), { event: { kind: 'healthy', evidence }, ...moment });
  expect(deviceStateSchema.safeParse(state).success).toBe(true);
  expect(state.lastAttempt).toMatchObject({ outcome: 'committed', message: evidence.slice(0, 300) });
  expect(state.outbox.at(-1)).toMatchObject({ outcome: 'committed', message: evidence.slice(0, 300) });
  const { state: silent } = transition(inPhase('probation'), { event: { kind: 'healthy' }, ...moment });
  expect(silent.outbox.at(-1)).not.toHaveProperty('message');
});
