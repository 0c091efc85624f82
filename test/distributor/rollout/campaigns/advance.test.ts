import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { defaultGate } from '../../../../distributor/declaration/gate.ts';
import { type AdvanceFacts, advance } from '../../../../distributor/rollout/campaigns/advance.ts';
import type { GateResult } from '../../../../distributor/rollout/campaigns/gates.ts';
import { markOf, noCounts, standingOf, type WaveCounts } from '../../../../distributor/rollout/standing.ts';
import { attempt, noon, opened, rollout, state, wave } from '../deciding.ts';

const hour = 3600_000;
const waves = [wave('canary', 10, { soakSeconds: 3600 }), wave('all', 100)];
const declared = (more = {}) => rollout('1.2.0', { waves, ...more });
/** Successes have soaked unless the test says otherwise. */
const counts = (more: Partial<WaveCounts>): WaveCounts => {
  return { ...noCounts, members: 100, soaked: more.committed ?? 0, ...more };
};
const canaryOpen = (more = {}) =>
  state('1.2.0', { openedWaves: [opened('canary', 0.1, { openedAt: noon })], changedAt: noon, ...more });
const bothOpen = (more = {}) =>
  canaryOpen({ openedWaves: [...canaryOpen().openedWaves, opened('all', 1, { openedAt: noon })], ...more });
const facts = (more: Partial<AdvanceFacts> = {}): AdvanceFacts => ({
  gates: [],
  dependencies: [],
  lacking: [],
  isEmpty: false,
  now: noon + hour,
  ...more,
});
const passed = (name: string): GateResult => ({ name, verdict: 'passed', detail: 'well', askedAt: noon });
const checked = (name: string) => ({ name, http: { url: 'http://h/', status: 200 } });

describe('a campaign', () => {
  it.each([
    ['opens its first wave', state('1.2.0', { openedWaves: [] }), [], facts(), 'open-wave'],
    [
      'waits while the wave soaks',
      canaryOpen(),
      [counts({ committed: 100 })],
      facts({ now: noon + hour - 1 }),
      'wait soaking',
    ],
    ['waits while nobody was reached', canaryOpen(), [counts({ unreachable: 9 })], facts(), 'wait nobody-reached'],
    ['waits where the whole group is empty', canaryOpen(), [noCounts], facts(), 'wait nobody-in-group'],
    [
      'opens no wave for a group that is empty',
      state('1.2.0', { openedWaves: [] }),
      [],
      facts({ isEmpty: true }),
      'wait nobody-in-group',
    ],
    [
      'opens no further wave for a group that became empty',
      canaryOpen(),
      [counts({ committed: 100 })],
      facts({ isEmpty: true }),
      'wait nobody-in-group',
    ],
    [
      'passes a wave that adds nobody',
      bothOpen(),
      [counts({ members: 3, committed: 3 }), noCounts],
      facts(),
      'complete',
    ],
    [
      'passes no wave that adds nobody while no device has the release',
      bothOpen(),
      [counts({ members: 3 }), noCounts],
      facts({ now: noon + 2 * hour }),
      'wait nobody-reached',
    ],
    [
      'waits for devices that were not asked yet and may be in reach',
      bothOpen(),
      [counts({ members: 1, committed: 1 }), counts({ members: 4, committed: 1 })],
      facts(),
      'wait devices-not-asked',
    ],
    [
      'completes without devices that were out of reach all the time',
      bothOpen(),
      [counts({ members: 1, committed: 1 }), counts({ members: 4, committed: 1 })],
      facts({ now: noon + 2 * hour }),
      'complete',
    ],
    [
      'opens the next wave when the gate holds',
      canaryOpen(),
      [counts({ committed: 95, failed: 2, pending: 3 })],
      facts(),
      'open-wave',
    ],
    [
      'waits below the gate',
      canaryOpen(),
      [counts({ committed: 90, failed: 4, pending: 6 })],
      facts(),
      'wait gate-not-met',
    ],
    [
      'counts devices under way as not yet successful',
      canaryOpen(),
      [counts({ committed: 9, pending: 1 })],
      facts(),
      'wait gate-not-met',
    ],
    ['leaves the unreachable out', canaryOpen(), [counts({ committed: 1, unreachable: 99 })], facts(), 'open-wave'],
    ['aborts on failures', canaryOpen(), [counts({ committed: 57, failed: 3 })], facts(), 'abort'],
    [
      'takes fewer failures than the minimum for no evidence',
      canaryOpen(),
      [counts({ committed: 3, failed: 2 })],
      facts(),
      'open-wave',
    ],
    [
      'waits where as many failed as committed',
      canaryOpen(),
      [counts({ committed: 2, failed: 2 })],
      facts(),
      'wait gate-not-met',
    ],
    [
      'aborts on failures of one wave that all together do not reach the limit',
      canaryOpen(),
      [counts({ committed: 900 }), counts({ committed: 57, failed: 3 })],
      facts(),
      'abort',
    ],
    [
      'bears a share of failures below the limit',
      canaryOpen(),
      [counts({ committed: 58, failed: 3 })],
      facts(),
      'open-wave',
    ],
    ['aborts while it soaks', canaryOpen(), [counts({ failed: 3 })], facts({ now: noon }), 'abort'],
    ['aborts while it is paused', canaryOpen({ status: 'paused' }), [counts({ failed: 3 })], facts(), 'abort'],
    [
      'aborts nothing that completed',
      bothOpen({ status: 'completed' }),
      [counts({ committed: 3, failed: 3 }), counts({ failed: 9 })],
      facts(),
      'wait finished',
    ],
    [
      'takes devices that are held for no failure',
      canaryOpen(),
      [counts({ heldByPath: 5 })],
      facts(),
      'wait devices-held',
    ],
    [
      'goes on where few are held',
      canaryOpen(),
      [counts({ committed: 4, heldByDevice: 1, heldByPath: 1 })],
      facts(),
      'open-wave',
    ],
    [
      'waits where many are held',
      canaryOpen(),
      [counts({ committed: 60, heldByPath: 40 })],
      facts(),
      'wait devices-held',
    ],
    [
      'waits where many fell silent in the switch, and aborts for none of them',
      canaryOpen(),
      [counts({ committed: 4, unreachable: 3, lost: 3 })],
      facts(),
      'wait devices-held',
    ],
    [
      'waits for successes that have not soaked',
      canaryOpen(),
      [counts({ committed: 100, soaked: 94 })],
      facts(),
      'wait soaking',
    ],
    [
      'waits for a device in the middle of the update',
      bothOpen(),
      [counts({ committed: 99 }), counts({ committed: 99, pending: 1, working: 1 })],
      facts(),
      'wait devices-under-way',
    ],
    [
      'waits for a device that waits for its window',
      bothOpen(),
      [counts({ committed: 1, waiting: 1 }), counts({ committed: 99 })],
      facts(),
      'wait devices-under-way',
    ],
    [
      'counts no failure from before a person reopened it',
      canaryOpen(),
      [counts({ committed: 50, failed: 30, forgiven: 30 })],
      facts(),
      'open-wave',
    ],
    [
      'aborts on failures since a person reopened it',
      canaryOpen(),
      [counts({ committed: 50, failed: 33, forgiven: 30 })],
      facts(),
      'abort',
    ],
    [
      'waits when a person paused it',
      canaryOpen({ status: 'paused' }),
      [counts({ committed: 9 })],
      facts(),
      'wait paused',
    ],
    [
      'waits when it stalled',
      canaryOpen({ status: 'paused', stalledAt: 1 }),
      [counts({ committed: 9 })],
      facts(),
      'wait stalled',
    ],
    ['stays aborted', canaryOpen({ status: 'aborted' }), [counts({ committed: 9 })], facts(), 'wait aborted'],
  ])('%s', (_what, campaign, counted, given, expected) => {
    const step = advance(declared(), campaign, counted, given);
    expect(step.kind === 'wait' ? `wait ${step.reason}` : step.kind).toBe(expected);
  });

  it('completes after the last wave, and opens a further one that is declared later', () => {
    const both = [...canaryOpen().openedWaves, opened('all', 1, { openedAt: noon })];
    const done = [counts({ members: 9, committed: 9 }), counts({ members: 9, committed: 9 })];
    expect(advance(declared(), canaryOpen({ openedWaves: both }), done, facts()).kind).toBe('complete');
    const completed = canaryOpen({ status: 'completed' });
    expect(advance(declared(), completed, done, facts())).toMatchObject({ kind: 'reopen' });
  });

  it('needs the declared sample, or all members of a smaller wave', () => {
    const gate = { ...defaultGate, minSample: 20 };
    const strict = declared({ waves: [wave('canary', 10, { gate }), wave('all', 100)] });
    const step = (members: number, committed: number) =>
      advance(strict, canaryOpen(), [counts({ members, committed })], facts());
    expect(step(100, 19)).toMatchObject({ kind: 'wait', reason: 'sample-too-small' });
    expect(step(100, 20).kind).toBe('open-wave');
    expect(step(5, 4)).toMatchObject({ kind: 'wait', reason: 'sample-too-small' });
    expect(step(5, 5).kind).toBe('open-wave');
  });

  it('asks the user’s checks after its own evidence, and waits for each', () => {
    const gate = { ...defaultGate, checks: [checked('a'), checked('b')] };
    const strict = declared({ waves: [wave('canary', 10, { gate }), wave('all', 100)] });
    const step = (gates: readonly GateResult[], committed = 9) =>
      advance(strict, canaryOpen(), [counts({ committed, pending: 9 - committed })], facts({ gates }));
    expect(step([], 3)).toMatchObject({ reason: 'gate-not-met' });
    expect(step([])).toMatchObject({ reason: 'check-unknown' });
    expect(step([passed('a'), { ...passed('b'), verdict: 'failed' }])).toMatchObject({ reason: 'check-failed' });
    expect(step([passed('a'), { ...passed('b'), verdict: 'unknown' }])).toMatchObject({ reason: 'check-unknown' });
    expect(step([passed('a'), passed('b')]).kind).toBe('open-wave');
  });

  it('stalls when the gate does not hold in time after the soak, and not before', () => {
    const gate = { ...defaultGate, stallAfterSeconds: 7200 };
    const patient = declared({ waves: [wave('canary', 10, { soakSeconds: 3600, gate }), wave('all', 100)] });
    const step = (now: number, more = {}) =>
      advance(patient, canaryOpen(more), [counts({ pending: 1 })], facts({ now }));
    expect(step(noon + 3 * hour - 1)).toMatchObject({ kind: 'wait', until: noon + 3 * hour });
    expect(step(noon + 3 * hour)).toMatchObject({ kind: 'stall', reason: expect.stringMatching(/^Stalled/) });
    // Somebody resumed it an hour ago.
    expect(step(noon + 3 * hour, { changedAt: noon + 2 * hour })).toMatchObject({ kind: 'wait' });
  });

  it('opens for nobody where that is allowed', () => {
    const open = declared({ allowEmpty: true });
    const fresh = state('1.2.0', { openedWaves: [] });
    expect(advance(open, fresh, [], facts({ isEmpty: true })).kind).toBe('open-wave');
    expect(advance(open, bothOpen(), [noCounts, noCounts], facts({ isEmpty: true })).kind).toBe('complete');
  });

  it('opens the next wave when the canary has soaked, counted from its commit', () => {
    // Opened at 14:36:10, committed at 14:37:52, a soak of 30 s: not at 14:37:53.
    const openedAt = Date.UTC(2026, 10, 26, 14, 36, 10);
    const committed = Date.UTC(2026, 10, 26, 14, 37, 52);
    const campaign = state('1.2.0', { openedWaves: [opened('canary', 0.1, { openedAt })], changedAt: openedAt });
    const soaking = declared({ waves: [wave('canary', 10, { soakSeconds: 30 }), wave('all', 100)] });
    const step = (now: number) => {
      const found = attempt('1.2.0', { outcome: 'committed', settledAt: committed });
      const mark = markOf(found, 'committed', { soakSeconds: 30, judgedFrom: undefined, now });
      const nextSoakedAt = mark ? undefined : committed + 30_000;
      const own = counts({ members: 1, committed: 1, soaked: mark ? 1 : 0, nextSoakedAt });
      return advance(soaking, campaign, [own], facts({ now }));
    };
    expect(step(committed + 1000)).toMatchObject({ kind: 'wait', reason: 'soaking', until: committed + 30_000 });
    expect(step(committed + 29_999)).toMatchObject({ reason: 'soaking' });
    expect(step(committed + 30_000).kind).toBe('open-wave');
  });

  it('does not stall while successes soak', () => {
    const gate = { ...defaultGate, stallAfterSeconds: 60 };
    const patient = declared({ waves: [wave('canary', 10, { soakSeconds: 3600, gate }), wave('all', 100)] });
    const step = advance(
      patient,
      canaryOpen(),
      [counts({ members: 3, committed: 3, soaked: 2 })],
      facts({ now: noon + 9 * hour }),
    );
    expect(step).toMatchObject({ kind: 'wait', reason: 'soaking' });
  });

  it('starts when all it waits for have completed', () => {
    const dependencies = [
      { rollout: 'a', isCompleted: true },
      { rollout: 'b', isCompleted: false },
    ];
    const fresh = state('1.2.0', { openedWaves: [] });
    expect(advance(declared(), fresh, [], facts({ dependencies }))).toMatchObject({
      reason: 'waiting-for-rollout',
      detail: 'Starts when completed: b.',
    });
    expect(advance(declared(), canaryOpen(), [counts({ committed: 9 })], facts({ dependencies })).kind).toBe(
      'open-wave',
    );
  });

  it('opens no wave after its deadline, but may complete', () => {
    const late = declared({ deadline: noon });
    expect(advance(late, state('1.2.0', { openedWaves: [] }), [], facts())).toMatchObject({
      reason: 'deadline-passed',
    });
    expect(advance(late, canaryOpen(), [counts({ committed: 9 })], facts())).toMatchObject({
      reason: 'deadline-passed',
    });
    const single = declared({ deadline: noon, waves: [wave('canary', 10)] });
    expect(advance(single, canaryOpen(), [counts({ members: 9, committed: 9 })], facts()).kind).toBe('complete');
  });

  it('obeys its declaration', () => {
    expect(advance(declared({ aborted: true }), canaryOpen(), [], facts()).kind).toBe('abort');
    expect(advance(declared({ paused: true }), canaryOpen(), [counts({ committed: 9 })], facts())).toMatchObject({
      reason: 'paused',
    });
  });

  it('never opens a wave or completes with evidence that is enough for an abort, nor waits with it', () => {
    const number = fc.nat(60);
    fc.assert(
      fc.property(number, number, number, number, (committed, failed, pending, unreachable) => {
        const step = advance(declared(), canaryOpen(), [counts({ committed, failed, pending, unreachable })], facts());
        const isBad = failed >= 3 && failed * 100 >= 5 * (committed + failed + pending);
        expect(step.kind === 'abort').toBe(isBad);
        const isFew = failed < 3 && committed > failed;
        if (step.kind === 'open-wave')
          expect(committed * 100).toBeGreaterThanOrEqual(95 * (committed + (isFew ? 0 : failed) + pending));
      }),
    );
  });

  it('opens a wave or aborts once nothing is pending, unless hardly any device told how it went', () => {
    fc.assert(
      fc.property(fc.nat(2000), fc.nat(200), fc.nat(60), (committed, failed, unreachable) => {
        fc.pre(committed > failed || failed >= 3);
        const step = advance(declared(), canaryOpen(), [counts({ committed, failed, unreachable })], facts());
        expect(['open-wave', 'abort']).toContain(step.kind);
      }),
    );
  });
});

describe('an attempt', () => {
  const timeout = 7200;
  it.each([
    ['committed', { outcome: 'committed' }, 'committed'],
    ['rolled back after it committed', { outcome: 'rolled-back', code: 'health-lost' }, 'failed'],
    ['rolled back by a person there', { outcome: 'rolled-back' }, 'failed'],
    ['out of space', { outcome: 'failed', fault: 'device', code: 'disk-full' }, 'heldByDevice'],
    ['out of space after the switch', { outcome: 'rolled-back', fault: 'device', code: 'disk-full' }, 'heldByDevice'],
    ['refused by the blob host', { outcome: 'failed', fault: 'path', code: 'server-refused' }, 'heldByPath'],
    ['sent back by an abort', { outcome: 'rolled-back', code: 'reverted-by-permit' }, 'reverted'],
    ['offered a while ago', { offeredAt: noon - 2 * hour + 1 }, 'pending'],
    ['offered long ago, silent since', { offeredAt: noon - 2 * hour, lastSeenAt: noon - 2 * hour }, 'unreachable'],
    ['slow, but heard of', { offeredAt: noon - 9 * hour, phase: 'downloading', lastSeenAt: noon - hour }, 'pending'],
    [
      'silent while downloading',
      { offeredAt: noon - 9 * hour, phase: 'downloading', lastSeenAt: noon - 3 * hour },
      'unreachable',
    ],
    [
      'silent in the middle of the switch',
      { offeredAt: noon - 9 * hour, phase: 'switching', lastSeenAt: noon - 3 * hour },
      'unreachable',
    ],
    [
      'silent in probation',
      { offeredAt: noon - 9 * hour, phase: 'probation', lastSeenAt: noon - 3 * hour },
      'unreachable',
    ],
    ['held, and heard of', { outcome: 'failed', fault: 'path', lastSeenAt: noon - 71 * hour }, 'heldByPath'],
    ['held, and silent for days', { outcome: 'failed', fault: 'device', lastSeenAt: noon - 72 * hour }, 'unreachable'],
    ['waiting for its window', { offeredAt: noon - 9 * hour, phase: 'staged' }, 'waiting'],
    [
      'silent since it waited for its window',
      { offeredAt: noon - 1, phase: 'staged', lastSeenAt: noon - 3 * hour },
      'unreachable',
    ],
    ['found running the release', { offeredAt: undefined, foundAt: noon - 9 * hour }, 'committed'],
    ['found running it, then reported failed', { foundAt: noon - hour, outcome: 'rolled-back' }, 'failed'],
    ['no longer found running it', { offeredAt: undefined }, 'unreachable'],
  ] as const)('%s', (_what, more, expected) => {
    expect(standingOf(attempt('1.2.0', more), noon, timeout)).toBe(expected);
  });
});

describe('a gate with a confidence', () => {
  const gate = { ...defaultGate, confidencePercent: 95 };
  const sure = declared({ gate, waves: [wave('canary', 10, { gate }), wave('all', 100, { gate })] });
  const step = (more: Partial<WaveCounts>) =>
    advance(sure, canaryOpen(), [counts({ members: 5000, ...more })], facts());

  it('is not passed by 17 failures of 419, which a rate of 6 % gives easily', () => {
    const seen = { committed: 402, failed: 17 };
    expect(advance(declared(), canaryOpen(), [counts({ members: 5000, ...seen })], facts()).kind).toBe('open-wave');
    expect(step(seen)).toMatchObject({ kind: 'wait', reason: 'confidence-too-low' });
    expect(step(seen)).toMatchObject({ detail: expect.stringContaining('more devices without a failure are needed') });
  });

  it('is passed by 59 successes, and not by 58: 0.95^59 is below 5 %', () => {
    expect(step({ committed: 58 })).toMatchObject({ detail: expect.stringMatching(/; 1 more devices/) });
    expect(step({ committed: 59 }).kind).toBe('open-wave');
  });

  it('is passed by a small wave of which every device committed', () => {
    expect(step({ members: 3, committed: 3 }).kind).toBe('open-wave');
    expect(step({ members: 3, committed: 2, unreachable: 1 })).toMatchObject({ reason: 'confidence-too-low' });
  });

  it('aborts where the rate is above the limit with the confidence, and on no mere bad luck', () => {
    expect(step({ committed: 57, failed: 3 }).kind).toBe('wait');
    expect(step({ committed: 50, failed: 7 }).kind).toBe('abort');
    expect(step({ failed: 3 }).kind).toBe('abort');
    // 3 of 3 at a limit of 5 % is one chance in 8,000; 2 are fewer than count.
    expect(step({ failed: 2 }).kind).toBe('wait');
  });

  it('takes the evidence of all waves together', () => {
    const campaign = bothOpen();
    const all = [counts({ members: 3, committed: 3 }), counts({ members: 200, committed: 56, unreachable: 144 })];
    expect(advance(sure, campaign, all, facts()).kind).toBe('complete');
  });
});
