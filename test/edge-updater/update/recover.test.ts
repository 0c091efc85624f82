/** The recovery table, row by row: a journal's phase and the facts of the disk decide what happens after a restart. */
import { describe, expect, it } from 'vitest';
import type { DevicePhase } from '../../../contract/device-api/check.ts';
import type { UpdateEvent } from '../../../edge-updater/update/event.ts';
import { type RecoveryFacts, recover } from '../../../edge-updater/update/recover.ts';
import type { Attempt } from '../../../edge-updater/update/state.ts';
import { blankState, deviceStateSchema } from '../../../edge-updater/update/state.ts';
import { transition } from '../../../edge-updater/update/transition.ts';
import { at, attempt, inPhase, moment, newer, newest, older, repairing, undoing } from './states.ts';

const whole = new Map([older, newer, newest].map((release) => [release.manifestSha256, release]));
const facts: RecoveryFacts = {
  currentLink: newer.manifestSha256,
  previousLink: older.manifestSha256,
  slots: whole,
  durableBytes: 0,
  ...moment,
  attemptId: 'found',
};
const onNewest: Partial<RecoveryFacts> = { currentLink: newest.manifestSha256 };

interface Row {
  readonly phase: DevicePhase;
  readonly when: string;
  readonly attempt?: Partial<Attempt>;
  readonly facts?: Partial<RecoveryFacts>;
  readonly becomes: DevicePhase;
  readonly effect: string;
  readonly code?: string;
}

const rows: readonly Row[] = [
  { phase: 'idle', when: 'the link is right', becomes: 'idle', effect: 'prune' },
  {
    phase: 'idle',
    when: 'the link names an older slot',
    facts: { currentLink: older.manifestSha256 },
    ...{ becomes: 'idle', effect: 'restore' },
  },
  { phase: 'idle', when: 'the link names a newer slot', facts: onNewest, becomes: 'idle', effect: 'prune' },
  { phase: 'downloading', when: 'the first time', becomes: 'downloading', effect: 'fetch' },
  {
    phase: 'downloading',
    when: 'often, without a byte',
    attempt: { interruptions: 10 },
    ...{ becomes: 'idle', effect: 'prune', code: 'download-no-progress' },
  },
  {
    phase: 'downloading',
    when: 'often, with new bytes',
    attempt: { interruptions: 10 },
    facts: { durableBytes: 1 },
    ...{ becomes: 'downloading', effect: 'fetch' },
  },
  { phase: 'rebuilding', when: 'the first time', becomes: 'rebuilding', effect: 'rebuild' },
  {
    phase: 'rebuilding',
    when: 'too often',
    attempt: { interruptions: 5 },
    ...{ becomes: 'idle', effect: 'prune', code: 'update-interrupted' },
  },
  { phase: 'staged', when: 'the first time', becomes: 'staged', effect: 'verify' },
  {
    phase: 'staged',
    when: 'too often',
    attempt: { interruptions: 5 },
    ...{ becomes: 'idle', effect: 'prune', code: 'update-interrupted' },
  },
  {
    phase: 'staged',
    when: 'it waits for a window, however often',
    attempt: { isTimed: true, interruptions: 5 },
    ...{ becomes: 'staged', effect: '' },
  },
  {
    phase: 'switching',
    when: 'before the link moved, in a window',
    attempt: { isTimed: true },
    ...{ becomes: 'staged', effect: 'verify' },
  },
  { phase: 'switching', when: 'before the link moved', becomes: 'staged', effect: 'verify' },
  { phase: 'switching', when: 'after the link moved', facts: onNewest, becomes: 'probation', effect: 'prove' },
  {
    phase: 'switching',
    when: 'too often',
    attempt: { setbacks: 5 },
    ...{ becomes: 'idle', effect: 'prune', code: 'update-interrupted' },
  },
  { phase: 'probation', when: 'the first time', facts: onNewest, becomes: 'probation', effect: 'prove' },
  {
    phase: 'probation',
    when: 'the third time',
    attempt: { interruptions: 2 },
    facts: onNewest,
    ...{ becomes: 'rolling-back', effect: 'restore', code: 'probation-interrupted' },
  },
  {
    phase: 'probation',
    when: 'the link is elsewhere',
    ...{ becomes: 'rolling-back', effect: 'restore', code: 'update-interrupted' },
  },
  { phase: 'rolling-back', when: 'before the link moved', facts: onNewest, becomes: 'rolling-back', effect: 'restore' },
  { phase: 'rolling-back', when: 'after the link moved', becomes: 'rolling-back', effect: 'restore' },
  { phase: 'committed', when: 'at any time', facts: onNewest, becomes: 'committed', effect: 'prune' },
  { phase: 'rolled-back', when: 'at any time', becomes: 'rolled-back', effect: 'prune' },
];

/** Its slot is the current one in every phase. */
const repairRows: readonly Row[] = [
  { phase: 'downloading', when: 'the first time', becomes: 'downloading', effect: 'fetch' },
  {
    phase: 'downloading',
    when: 'often, without a byte',
    attempt: { interruptions: 10 },
    ...{ becomes: 'idle', effect: 'prune', code: 'download-no-progress' },
  },
  { phase: 'rebuilding', when: 'the first time', becomes: 'rebuilding', effect: 'rebuild' },
  {
    phase: 'rebuilding',
    when: 'too often',
    attempt: { interruptions: 5 },
    ...{ becomes: 'idle', effect: 'prune', code: 'update-interrupted' },
  },
  { phase: 'staged', when: 'the first time', becomes: 'staged', effect: 'verify' },
  { phase: 'switching', when: 'at any time', becomes: 'probation', effect: 'prove' },
  { phase: 'probation', when: 'the first time', becomes: 'probation', effect: 'prove' },
  {
    phase: 'probation',
    when: 'the third time',
    attempt: { interruptions: 2 },
    ...{ becomes: 'rolling-back', effect: 'restore', code: 'slot-damaged' },
  },
  { phase: 'rolling-back', when: 'at any time', becomes: 'rolling-back', effect: 'restore' },
  { phase: 'committed', when: 'at any time', becomes: 'committed', effect: 'prune' },
  { phase: 'rolled-back', when: 'at any time', becomes: 'rolled-back', effect: 'prune' },
];

/** Its data may be exchanged from the switch on. */
const undoRows: readonly Row[] = [
  { phase: 'staged', when: 'the first time', becomes: 'staged', effect: 'verify' },
  {
    phase: 'staged',
    when: 'too often',
    attempt: { interruptions: 5 },
    ...{ becomes: 'idle', effect: 'prune', code: 'update-interrupted' },
  },
  { phase: 'switching', when: 'before the link moved', becomes: 'switching', effect: 'switch' },
  {
    phase: 'switching',
    when: 'before the link moved, at boot',
    facts: { boot: { id: 'b', isBeforeStart: true } },
    ...{ becomes: 'rolling-back', effect: 'restore', code: 'update-interrupted' },
  },
  {
    phase: 'switching',
    when: 'too often',
    attempt: { setbacks: 5 },
    ...{ becomes: 'rolling-back', effect: 'restore', code: 'update-interrupted' },
  },
  { phase: 'switching', when: 'after the link moved', facts: onNewest, becomes: 'probation', effect: 'prove' },
  { phase: 'probation', when: 'the first time', facts: onNewest, becomes: 'probation', effect: 'prove' },
  {
    phase: 'probation',
    when: 'the third time',
    attempt: { interruptions: 2 },
    facts: onNewest,
    ...{ becomes: 'rolling-back', effect: 'restore', code: 'probation-interrupted' },
  },
  { phase: 'rolling-back', when: 'at any time', becomes: 'rolling-back', effect: 'restore' },
  { phase: 'committed', when: 'at any time', facts: onNewest, becomes: 'committed', effect: 'prune' },
  { phase: 'rolled-back', when: 'at any time', becomes: 'rolled-back', effect: 'prune' },
];

describe('with a journal of an undo', () => {
  it.each(undoRows)('$phase, $when: $becomes', (row) => {
    const state = undoing(row.phase as Exclude<DevicePhase, 'idle'>, row.attempt);
    const step = recover(state, { ...facts, ...row.facts });
    const { update, lastAttempt } = step.state;
    expect(update.phase).toBe(row.becomes);
    expect(step.effect?.kind ?? '').toBe(row.effect);
    const code = update.phase === 'rolling-back' ? update.failure.code : lastAttempt?.code;
    if (row.code !== undefined) expect(code).toBe(row.code);
    expect(deviceStateSchema.parse(step.state)).toEqual(step.state);
  });

  it('ends the way round from a switch that is always interrupted, without a look at what was exchanged', () => {
    let state = undoing('switching');
    for (let rounds = 0; state.update.phase === 'switching'; rounds++) {
      state = recover(state, facts).state;
      expect(rounds).toBeLessThan(20);
    }
    expect(state.update.phase).toBe('rolling-back');
  });
});

describe('a boot in probation', () => {
  const boot = (id: string, isBeforeStart: boolean) => ({
    ...facts,
    currentLink: newest.manifestSha256,
    boot: { id, isBeforeStart },
  });

  it('counts once, before the box starts in it', () => {
    const before = recover(inPhase('probation'), boot('b1', true)).state;
    expect(before.update).toMatchObject({ attempt: { interruptions: 1, countedBoot: 'b1' } });
    const after = recover(before, boot('b1', false)).state;
    expect(after.update).toMatchObject({ phase: 'probation', attempt: { interruptions: 1 } });
    // An updater that starts again in the same boot was interrupted by something else.
    expect(recover(after, boot('b1', false)).state.update).toMatchObject({ attempt: { interruptions: 2 } });
  });

  it('for the third time goes back before the box starts', () => {
    let state = inPhase('probation');
    for (const id of ['b1', 'b2', 'b3']) state = recover(recover(state, boot(id, true)).state, boot(id, false)).state;
    expect(state.update).toMatchObject({ phase: 'rolling-back', failure: { code: 'probation-interrupted' } });
  });
});

describe('with a journal of a repair', () => {
  it.each(repairRows)('$phase, $when: $becomes', (row) => {
    const step = recover(repairing(row.phase as Exclude<DevicePhase, 'idle'>, row.attempt), facts);
    const { update, lastAttempt, rejected, current } = step.state;
    expect(update.phase).toBe(row.becomes);
    expect(step.effect?.kind ?? '').toBe(row.effect);
    const code = update.phase === 'rolling-back' ? update.failure.code : lastAttempt?.code;
    if (row.code !== undefined) expect(code).toBe(row.code);
    expect([rejected, [newer, older].includes(current as typeof newer)]).toEqual([[], true]);
    expect(deviceStateSchema.parse(step.state)).toEqual(step.state);
  });
});

describe('with a journal', () => {
  it.each(rows)('$phase, $when: $becomes', (row) => {
    const step = recover(inPhase(row.phase, row.attempt), { ...facts, ...row.facts });
    const { update, lastAttempt } = step.state;
    expect(update.phase).toBe(row.becomes);
    expect(step.effect?.kind ?? '').toBe(row.effect);
    const code = update.phase === 'rolling-back' ? update.failure.code : lastAttempt?.code;
    if (row.code !== undefined) expect(code).toBe(row.code);
    expect(deviceStateSchema.parse(step.state)).toEqual(step.state);
  });

  it('ends every loop: no phase before the rollback can be interrupted for ever', () => {
    for (const phase of ['downloading', 'rebuilding', 'staged', 'probation'] as const) {
      let state = inPhase(phase);
      let restarts = 0;
      while (state.update.phase === phase) {
        state = recover(state, { ...facts, ...(phase === 'probation' ? onNewest : {}) }).state;
        restarts++;
        expect(restarts).toBeLessThan(20);
      }
    }
  });

  it('ends the way round from a switch that is always interrupted', () => {
    let state = inPhase('switching');
    let rounds = 0;
    while (state.update.phase === 'switching') {
      const staged = recover(state, facts).state;
      state = transition(staged, { event: { kind: 'verified' }, ...moment }).state;
      rounds++;
      expect(rounds).toBeLessThan(20);
    }
    expect(state.lastAttempt?.code).toBe('update-interrupted');
  });

  it('ends the way round from a slot that always changes', () => {
    let state = inPhase('staged');
    let rounds = 0;
    while (state.update.phase === 'staged') {
      for (const kind of ['slot-damaged', 'fetched', 'rebuilt'] as const) {
        const event = { kind, message: 'changed', transfer: attempt.transfer, notes: [] } as UpdateEvent;
        state = transition(state, { event, ...moment }).state;
      }
      rounds++;
      expect(rounds).toBeLessThan(20);
    }
    expect(state.lastAttempt?.code).toBe('digest-mismatch');
  });

  it('that has lost its end stays on the whole newer slot, and keeps the rest of what it knows', () => {
    const known = { ...inPhase('idle'), usedPermits: ['p'] };
    const cut = { ...facts, ...onNewest, previousLink: newer.manifestSha256 };
    const { state, effect } = recover(known, cut);
    expect(state).toMatchObject({ current: newest, previous: newer, counterFloor: 3, usedPermits: ['p'] });
    expect(state.outbox).toMatchObject([{ code: 'journal-corrupt', sequence: Date.parse(at) }]);
    expect(effect?.kind).toBe('prune');
    expect(deviceStateSchema.parse(state)).toEqual(state);
  });

  it('that has lost all but its first record does the same', () => {
    const cut = { ...facts, ...onNewest, previousLink: newer.manifestSha256 };
    expect(recover(blankState, cut).state).toMatchObject({ current: newest, previous: newer, counterFloor: 3 });
  });

  it('goes back from a newer slot that was rejected, and from one that is not whole', () => {
    const rejected = [{ manifestSha256: newest.manifestSha256, version: newest.version, at }];
    const on = { ...facts, ...onNewest };
    expect(recover({ ...inPhase('idle'), rejected }, on).effect).toMatchObject({ kind: 'restore', to: newer });
    const slots = new Map([[newer.manifestSha256, newer]]);
    expect(recover(inPhase('idle'), { ...on, slots }).effect).toMatchObject({ kind: 'restore', to: newer });
  });

  it('goes back to the previous release when the slot of the current one is gone', () => {
    const slots = new Map([[older.manifestSha256, older]]);
    const { currentLink: _, ...rest } = facts;
    const step = recover(inPhase('idle'), { ...rest, slots });
    expect(step.effect).toEqual({ kind: 'restore', to: older });
    expect(step.state.current).toEqual(older);
  });
});

describe('without a journal', () => {
  it('stays on the slot that runs, with its counters as the floor, and reports it', () => {
    const { state, effect } = recover(undefined, facts);
    expect(state).toMatchObject({ current: newer, previous: older, counterFloor: 2, update: { phase: 'idle' } });
    expect(state.outbox).toMatchObject([{ code: 'journal-corrupt', sequence: Date.parse(at) }]);
    expect(effect?.kind).toBe('prune');
  });

  it('takes data over that another release wrote, as in going back', () => {
    const { effect } = recover(undefined, { ...facts, dataOwner: older.manifestSha256 });
    expect(effect).toEqual({ kind: 'restore', leaving: older, to: newer, previous: older });
  });

  it('goes back to the previous slot when the current one is not whole', () => {
    const step = recover(undefined, { ...facts, slots: new Map([[older.manifestSha256, older]]) });
    expect(step.effect).toEqual({ kind: 'restore', to: older });
  });

  it('starts blank when no slot is whole', () => {
    expect(recover(undefined, { ...facts, slots: new Map() })).toEqual({ state: blankState, effect: undefined });
  });
});
