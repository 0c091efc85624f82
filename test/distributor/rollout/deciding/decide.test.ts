import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { defaultFleet } from '../../../../distributor/declaration/fleet.ts';
import { campaignStatuses } from '../../../../distributor/rollout/campaign.ts';
import { compilePlan } from '../../../../distributor/rollout/compiled-plan.ts';
import { decide, explain } from '../../../../distributor/rollout/deciding/decide.ts';
import { percentOfPlace, placeOf } from '../../../../distributor/rollout/placement.ts';
import {
  attempt,
  type Case,
  inputOf,
  noon,
  opened,
  peer,
  release,
  rollout,
  running,
  state,
  textOf,
  wave,
} from '../deciding.ts';

const hour = 3600_000;
const minute = 60_000;
const group = { name: 'north', selector: { matchLabels: { region: 'north' }, matchExpressions: [] } };
const night = { timeZone: 'UTC', days: [], fromMinute: 22 * 60, toMinute: 5 * 60 } as const;
const only = (more: Parameters<typeof rollout>[1]) => ({ rollouts: [rollout('1.2.0', more)] });
const cluster = (role: 'server' | 'agent') => ({ 'slipway.io/cluster': 'c1', 'slipway.io/role': role });

const cases: readonly (readonly [string, Case, string])[] = [
  ['an open wave', {}, 'update 1.2.0 rollout-open'],
  ['no rollout at all', { rollouts: [] }, 'none no-rollout'],
  ['a rollout of another product', only({ product: 'other' }), 'none no-rollout'],
  ['a device in the middle of an update', { device: { phase: 'probation' } }, 'none device-busy'],
  ['a device that waits for its window', { device: { phase: 'staged' } }, 'update 1.2.0 rollout-open'],
  [
    'a device that waits for its window with an aborted release',
    { device: { phase: 'staged' }, states: [state('1.2.0', { status: 'aborted' })] },
    'none rollout-aborted',
  ],
  ['a device that has it', { device: { current: running(2) } }, 'none up-to-date'],
  ['a device with a newer release', { device: { current: running(3) } }, 'none newer-than-rollout'],
  [
    'a device with a higher counter under an older version',
    { device: { current: { ...running(1), counter: 9 } } },
    'none newer-than-rollout',
  ],
  ['a device with nothing yet', { device: { current: undefined, counterFloor: 0 } }, 'update 1.2.0 rollout-open'],
  ['a device that committed a higher counter once', { device: { counterFloor: 3 } }, 'none counter-below'],
  ['a release that the store lacks', { rollouts: [rollout('1.9.0')] }, 'none release-unknown'],
  ['a platform without the release', { device: { platform: 'linux/arm64' } }, 'none release-unknown'],
  [
    'a release that the device rejected',
    { device: { rejected: [release(2).manifestSha256] } },
    'none release-failed-here',
  ],
  [
    'a release that the device reported rolled back',
    { attempts: [attempt('1.2.0', { outcome: 'rolled-back' })] },
    'none release-failed-here',
  ],
  [
    'an attempt that failed before the switch',
    { attempts: [attempt('1.2.0', { outcome: 'failed' })] },
    'update 1.2.0 rollout-open',
  ],
  ['a campaign that was never started', { states: [] }, 'none wave-not-open'],
  ['a campaign without an open wave', { states: [state('1.2.0', { openedWaves: [] })] }, 'none wave-not-open'],
  [
    'a place above the bound of the open wave',
    { states: [state('1.2.0', { openedWaves: [opened('canary', placeOf('to-1.2.0', 'gate-17'))] })] },
    'none wave-not-open',
  ],
  [
    'a place just below the bound of the open wave',
    { states: [state('1.2.0', { openedWaves: [opened('canary', placeOf('to-1.2.0', 'gate-17') + 2 ** -52)] })] },
    'update 1.2.0 rollout-open',
  ],
  [
    'a device that came after a wave for some opened',
    { enrolledAt: 1001, states: [state('1.2.0', { openedWaves: [opened('canary', 0.999999)] })] },
    'none wave-not-open',
  ],
  ['a device that came after the wave for all opened', { enrolledAt: noon }, 'update 1.2.0 rollout-open'],
  ['a paused campaign', { states: [state('1.2.0', { status: 'paused' })] }, 'none rollout-paused'],
  ['a stalled campaign', { states: [state('1.2.0', { status: 'paused', stalledAt: 5 })] }, 'none rollout-stalled'],
  ['a declaration that says paused', only({ paused: true }), 'none rollout-paused'],
  ['an aborted campaign', { states: [state('1.2.0', { status: 'aborted' })] }, 'none rollout-aborted'],
  ['a declaration that says aborted', only({ aborted: true }), 'none rollout-aborted'],
  ['a completed campaign', { states: [state('1.2.0', { status: 'completed' })] }, 'update 1.2.0 rollout-open'],
  [
    'an updater that is too old',
    { releases: [release(1), release(2, { minUpdaterVersion: '1.1.0' })] },
    'none updater-too-old',
  ],

  ['a device outside the group', { ...only({ group: 'north' }), plan: { groups: [group] } }, 'none not-in-group'],
  [
    'a device inside the group',
    { ...only({ group: 'north' }), plan: { groups: [group] }, labels: { region: 'north' } },
    'update 1.2.0 rollout-open',
  ],

  ['a window that is shut', only({ windows: [night] }), 'none outside-window'],
  ['a window that is open', { ...only({ windows: [night] }), now: noon + 11 * hour }, 'update 1.2.0 rollout-open'],
  [
    'a window that opens soon enough to download',
    only({ windows: [night], downloadAheadSeconds: 36_000 }),
    'update 1.2.0 rollout-open',
  ],
  ['a deadline that has passed', only({ deadline: noon }), 'none deadline-passed'],
  ['a deadline that lies ahead', only({ deadline: noon + 1 }), 'update 1.2.0 rollout-open'],
  [
    'a rollout that waits for another',
    { rollouts: [rollout('1.2.0', { after: ['to-1.1.0'] })], states: [] },
    'none waiting-for-rollout',
  ],
  ['a rollout that waited for another and started', only({ after: ['to-1.1.0'] }), 'update 1.2.0 rollout-open'],

  ['an agent whose server is behind', { labels: cluster('agent'), peers: [peer('s1')] }, 'none servers-first'],
  [
    'an agent whose servers have the release',
    { labels: cluster('agent'), peers: [peer('s1', { current: '1.2.0' })] },
    'update 1.2.0 rollout-open',
  ],
  [
    'an agent whose servers are ahead',
    { labels: cluster('agent'), peers: [peer('s1', { current: '1.3.0' })] },
    'update 1.2.0 rollout-open',
  ],
  [
    'an agent with one server of several behind',
    { labels: cluster('agent'), peers: [peer('s1', { current: '1.2.0' }), peer('s2')] },
    'none servers-first',
  ],
  [
    'an agent whose last server behind fell silent',
    {
      labels: cluster('agent'),
      peers: [peer('s1', { current: '1.2.0' }), peer('s2', { lastSeenAt: noon - 3 * hour })],
    },
    'update 1.2.0 rollout-open',
  ],
  [
    'an agent whose server behind missed two polls and a half of a slow fleet',
    {
      labels: cluster('agent'),
      plan: { fleet: { ...defaultFleet, pollSeconds: 6 * 3600 } },
      peers: [peer('s1', { lastSeenAt: noon - 15 * hour })],
    },
    'none servers-first',
  ],
  [
    'an agent whose server behind missed three polls of a slow fleet',
    {
      labels: cluster('agent'),
      plan: { fleet: { ...defaultFleet, pollSeconds: 6 * 3600 } },
      peers: [peer('s1', { lastSeenAt: noon - 18 * hour })],
    },
    'update 1.2.0 rollout-open',
  ],
  [
    'an agent beside servers of another cluster and product',
    { labels: cluster('agent'), peers: [peer('s1', { cluster: 'c2' }), peer('s2', { product: 'other' })] },
    'update 1.2.0 rollout-open',
  ],
  [
    'a server beside one that updates',
    { labels: cluster('server'), peers: [peer('s1', { isUpdating: true })] },
    'none cluster-busy',
  ],
  [
    'a server beside an agent that updates',
    { labels: cluster('server'), peers: [peer('a1', { role: 'agent', isUpdating: true })] },
    'update 1.2.0 rollout-open',
  ],
  [
    'a server where two may update',
    {
      ...only({ concurrency: { perSite: undefined, serversPerCluster: 2, agentsPerCluster: { percent: 10 } } }),
      labels: cluster('server'),
      peers: [peer('s1', { isUpdating: true })],
    },
    'update 1.2.0 rollout-open',
  ],
  ['the second agent of nineteen', { labels: cluster('agent'), peers: agents(18, 1) }, 'none cluster-busy'],
  ['the second agent of twenty', { labels: cluster('agent'), peers: agents(19, 1) }, 'update 1.2.0 rollout-open'],
  ['the third agent of twenty', { labels: cluster('agent'), peers: agents(19, 2) }, 'none cluster-busy'],
  [
    'a site that is busy',
    {
      ...only({ concurrency: { perSite: 1, serversPerCluster: 1, agentsPerCluster: { percent: 10 } } }),
      labels: { 'slipway.io/site': 'x' },
      peers: [peer('o', { cluster: undefined, site: 'x', product: 'other', isUpdating: true })],
    },
    'none site-busy',
  ],
  [
    'a device without a cluster beside busy ones',
    { peers: [peer('s1', { isUpdating: true })] },
    'update 1.2.0 rollout-open',
  ],

  [
    'a budget that is spent',
    {
      ...only({ budget: { bytes: 1000, perSeconds: 60 } }),
      spending: () => ({ bytes: 800, reserved: 1, meanBytes: 150 }),
    },
    'none budget-spent',
  ],
  [
    'a budget that this device still fits into',
    {
      ...only({ budget: { bytes: 1000, perSeconds: 60 } }),
      spending: () => ({ bytes: 700, reserved: 1, meanBytes: 150 }),
    },
    'update 1.2.0 rollout-open',
  ],
  [
    'a budget and an offer that this device has already',
    {
      ...only({ budget: { bytes: 1000, perSeconds: 60 } }),
      attempts: [attempt('1.2.0', { offeredAt: noon - minute })],
      spending: () => ({ bytes: 1000, reserved: 1, meanBytes: 150 }),
    },
    'update 1.2.0 rollout-open',
  ],
  [
    'a budget that is smaller than one device, at the begin of a period',
    {
      ...only({ budget: { bytes: 100, perSeconds: 60 } }),
      spending: () => ({ bytes: 0, reserved: 0, meanBytes: 150 }),
    },
    'update 1.2.0 rollout-open',
  ],
  [
    'a budget before anybody knows what a device needs',
    {
      ...only({ budget: { bytes: 1000, perSeconds: 60 } }),
      spending: () => ({ bytes: 0, reserved: 10, meanBytes: undefined }),
    },
    'none budget-spent',
  ],
];

function agents(count: number, updating: number) {
  return Array.from({ length: count }, (_, index) =>
    peer(`a${index}`, { role: 'agent', isUpdating: index < updating, current: '1.1.0' }),
  );
}

describe('decide', () => {
  it.each(cases)('%s', (_case, given, expected) => {
    expect(textOf(decide(inputOf(given)))).toBe(expected);
  });

  it('says when it is worth asking again', () => {
    const shut = decide(inputOf(only({ windows: [night] })));
    expect(shut).toMatchObject({ until: noon + 10 * hour, facts: { opensAt: '2026-11-26T22:00:00.000Z' } });
    const soaking = inputOf({
      rollouts: [rollout('1.2.0', { waves: [wave('a', 1, { soakSeconds: 3600 }), wave('b', 100)] })],
      states: [state('1.2.0', { openedWaves: [opened('a', 0, { openedAt: noon - 1000 })] })],
    });
    expect(decide(soaking)).toMatchObject({ reason: 'wave-not-open', until: noon - 1000 + hour });
  });

  it('gives the window with the offer', () => {
    const given = { ...only({ windows: [night], downloadAheadSeconds: 36_000 }) };
    expect(decide(inputOf(given))).toMatchObject({
      kind: 'update',
      window: { opensAt: noon + 10 * hour, closesAt: noon + 17 * hour },
    });
  });

  it('says of a server that an agent waits for whether an open wave reaches it', () => {
    const factsOf = (upTo: number) => {
      const peers = [peer('near'), peer('far')];
      const states = [state('1.2.0', { openedWaves: [opened('canary', upTo)] })];
      return decide(inputOf({ id: 'agent-0', labels: cluster('agent'), peers, states })).facts;
    };
    const places = Object.fromEntries(['agent-0', 'near', 'far'].map((id) => [id, placeOf('to-1.2.0', id)]));
    const [low, high] = [Math.min(places.near ?? 0, places.far ?? 0), Math.max(places.near ?? 0, places.far ?? 0)];
    expect(places['agent-0']).toBeLessThan(low);
    const last = places.near === low ? 'far' : 'near';
    expect(factsOf(low)).toMatchObject({ serversBehind: 2, server: 'near', serverPlacePercent: expect.any(Number) });
    expect(factsOf(high)).toMatchObject({ server: last, serverPlacePercent: percentOfPlace(high) });
    expect(factsOf(1)).toMatchObject({ server: 'near' });
    expect(factsOf(1)).not.toHaveProperty('serverPlacePercent');
  });

  it('holds agents up to the goal although they are offered a step on the way', () => {
    const given: Case = {
      labels: cluster('agent'),
      rollouts: [rollout('1.3.0', { maxMinorStep: 1 })],
      peers: [peer('s1', { current: '1.2.0' })],
    };
    expect(textOf(decide(inputOf(given)))).toBe('none servers-first');
  });
});

describe('a retry', () => {
  const failed: Case = {
    device: { rejected: [release(2).manifestSha256] },
    attempts: [attempt('1.2.0', { outcome: 'rolled-back', generation: 1 })],
  };

  it('is offered once more when the campaign was told to try again since', () => {
    const given = { ...failed, states: [state('1.2.0', { generation: 2 })] };
    expect(decide(inputOf(given))).toMatchObject({ kind: 'update', isRetry: true, generation: 2 });
  });

  it('is not offered twice for one word', () => {
    const given = { ...failed, states: [state('1.2.0', { generation: 1 })] };
    expect(textOf(decide(inputOf(given)))).toBe('none release-failed-here');
  });

  it('is no retry for a device that did not fail', () => {
    expect(decide(inputOf({ states: [state('1.2.0', { generation: 2 })] }))).toMatchObject({ isRetry: false });
  });
});

describe('the way back', () => {
  const aborted = (more: Case = {}): Case => ({
    rollouts: [rollout('1.2.0', { abort: { failurePercent: 5, minFailures: 3, revert: true } })],
    states: [state('1.2.0', { status: 'aborted' })],
    device: { current: running(2), counterFloor: 2 },
    attempts: [attempt('1.2.0', { outcome: 'committed' })],
    ...more,
  });

  it('is for a device that the campaign brought to the release', () => {
    expect(textOf(decide(inputOf(aborted())))).toBe('revert revert-on-abort');
  });

  it.each<[string, Case, string]>([
    ['the declaration does not say revert', aborted(only({})), 'none up-to-date'],
    ['the campaign goes on', aborted({ states: [state('1.2.0')] }), 'none up-to-date'],
    ['the campaign did not bring the device there', aborted({ attempts: [] }), 'none up-to-date'],
    [
      'the campaign only found the release there',
      aborted({ attempts: [attempt('1.2.0', { offeredAt: undefined, foundAt: noon - hour })] }),
      'none up-to-date',
    ],
    ['the device runs another release', aborted({ device: { current: running(1) } }), 'none rollout-aborted'],
    [
      'the device is in the middle of something',
      aborted({ device: { current: running(2), phase: 'probation' } }),
      'none device-busy',
    ],
    [
      'it was told a while ago',
      aborted({ attempts: [attempt('1.2.0', { outcome: 'committed', revertedAt: noon - minute })] }),
      'none up-to-date',
    ],
    [
      'it was told and reported that it did not work',
      aborted({ attempts: [attempt('1.2.0', { outcome: 'failed', revertedAt: noon - 9 * hour })] }),
      'none up-to-date',
    ],
  ])('is not offered when %s', (_when, given, expected) => {
    expect(textOf(decide(inputOf(given)))).toBe(expected);
  });

  it('is offered again when nothing was heard of it: the answer may be lost', () => {
    const attempts = [attempt('1.2.0', { outcome: 'committed', revertedAt: noon - 2 * hour })];
    expect(textOf(decide(inputOf(aborted({ attempts }))))).toBe('revert revert-on-abort');
  });
});

describe('two rollouts that claim one device', () => {
  it.each<[string, Case, string]>([
    [
      'the higher priority',
      { rollouts: [rollout('1.3.0'), rollout('1.2.0', { priority: 1 })] },
      'update 1.2.0 rollout-open',
    ],
    ['then the newer release', { rollouts: [rollout('1.2.0'), rollout('1.3.0')] }, 'update 1.3.0 rollout-open'],
    [
      'the higher priority while it is paused',
      { rollouts: [rollout('1.3.0'), rollout('1.2.0', { priority: 1, paused: true })] },
      'none rollout-paused',
    ],
    [
      'the higher priority while it is outside its window',
      { rollouts: [rollout('1.3.0'), rollout('1.2.0', { priority: 1, windows: [night] })] },
      'none outside-window',
    ],
    [
      'the lower one when the higher has ended in an abort',
      { rollouts: [rollout('1.3.0'), rollout('1.2.0', { priority: 1, aborted: true })] },
      'update 1.3.0 rollout-open',
    ],
    [
      'the lower one when the device is not of the higher one’s group',
      { rollouts: [rollout('1.3.0'), rollout('1.2.0', { priority: 1, group: 'north' })], plan: { groups: [group] } },
      'update 1.3.0 rollout-open',
    ],
    [
      'the one that the higher waits for',
      {
        rollouts: [rollout('1.2.0'), rollout('1.3.0', { priority: 1, after: ['to-1.2.0'] })],
        states: [state('1.2.0')],
      },
      'update 1.2.0 rollout-open',
    ],
    [
      'an older release of the same priority where the newer one’s wave is shut',
      { rollouts: [rollout('1.2.0'), rollout('1.3.0')], states: [state('1.2.0')] },
      'update 1.2.0 rollout-open',
    ],
  ])('leave it to %s', (_winner, given, expected) => {
    const { rollouts = [] } = given;
    for (const order of [rollouts, [...rollouts].reverse()]) {
      const input = inputOf(given);
      const plan = compilePlan({ ...input.plan.plan, rollouts: order });
      expect(textOf(decide({ ...input, plan }))).toBe(expected);
    }
  });

  it('leave it to the first name where all else is equal', () => {
    const rollouts = ['b', 'a'].map((name) => rollout('1.2.0', { name }));
    const states = ['b', 'a'].map((name) => state('1.2.0', { rollout: name }));
    expect(decide(inputOf({ rollouts, states }))).toMatchObject({ rollout: { name: 'a' } });
  });

  it('are both explained, the loser with who outranks it', () => {
    const rollouts = [rollout('1.3.0'), rollout('1.2.0', { priority: 1, paused: true })];
    expect(explain(inputOf({ rollouts }))).toMatchObject([
      { rollout: 'to-1.2.0', decision: { reason: 'rollout-paused' }, outrankedBy: undefined },
      { rollout: 'to-1.3.0', decision: { kind: 'update' }, outrankedBy: 'to-1.2.0' },
    ]);
  });
});

describe('whatever the fleet looks like', () => {
  const someRollout = fc.record({
    priority: fc.integer({ min: 0, max: 2 }),
    paused: fc.boolean(),
    aborted: fc.boolean(),
    windows: fc.constantFrom([], [night]),
    downloadAheadSeconds: fc.constantFrom(0, 3600),
    deadline: fc.constantFrom(undefined, noon),
    group: fc.constantFrom(undefined, 'north'),
  });
  const someState = fc.record({
    status: fc.constantFrom(...campaignStatuses),
    openedWaves: fc.constantFrom([], [opened('a', 0.5)], [opened('a', 0.5), opened('all', 1)]),
    generation: fc.nat(2),
  });
  const someCase: fc.Arbitrary<Case> = fc
    .record({
      rollouts: fc.array(someRollout, { minLength: 3, maxLength: 3 }),
      states: fc.array(someState, { minLength: 3, maxLength: 3 }),
      id: fc.integer({ min: 0, max: 50 }).map((number) => `gate-${number}`),
      counter: fc.integer({ min: 1, max: 4 }),
      phase: fc.constantFrom('idle', 'staged', 'downloading', 'committed') as fc.Arbitrary<'idle'>,
      region: fc.constantFrom('north', 'south'),
      now: fc.integer({ min: 0, max: 48 * 60 }).map((minutes) => noon - 24 * hour + minutes * minute),
    })
    .map(({ rollouts, states, id, counter, phase, region, now }) => ({
      rollouts: rollouts.map((more, index) => rollout(`1.${index + 2}.0`, more)),
      states: states.map((more, index) => state(`1.${index + 2}.0`, more)),
      releases: [1, 2, 3, 4].map((number) => release(number)),
      plan: { groups: [group] },
      device: { current: running(counter), counterFloor: counter, phase },
      labels: { region },
      id,
      now,
    }));
  const offers = (check: (given: Case, decision: Extract<ReturnType<typeof decide>, { kind: 'update' }>) => void) =>
    fc.assert(
      fc.property(someCase, (given) => {
        const decision = decide(inputOf(given));
        if (decision.kind === 'update') check(given, decision);
      }),
      { numRuns: 2000 },
    );

  it('nothing is offered of what was aborted or paused, by anybody', () =>
    offers(({ states = [] }, { rollout }) => {
      expect(rollout.aborted || rollout.paused).toBe(false);
      expect(['active', 'completed']).toContain(states.find((known) => known.rollout === rollout.name)?.status);
    }));

  it('nothing is offered outside a window, but for downloading ahead of one that is named', () =>
    offers(({ now = 0 }, { rollout, window }) => {
      if (rollout.windows.length === 0) return expect(window).toBeUndefined();
      const hours = new Date(now).getUTCHours();
      const ahead = rollout.downloadAheadSeconds > 0 ? [21] : [];
      expect([...ahead, 22, 23, 0, 1, 2, 3, 4]).toContain(hours);
      expect(window && [new Date(window.opensAt).getUTCHours(), new Date(window.closesAt).getUTCHours()]).toEqual([
        22, 5,
      ]);
      expect(window && window.closesAt > now && window.opensAt <= now + rollout.downloadAheadSeconds * 1000).toBe(true);
    }));

  it('nothing is offered after a deadline, outside a group, or beyond the open waves', () =>
    offers(({ now = 0, states = [], labels, id = '' }, { rollout, place }) => {
      expect(rollout.deadline === undefined || now < rollout.deadline).toBe(true);
      expect(rollout.group === undefined || labels?.region === rollout.group).toBe(true);
      const upTo = states.find((known) => known.rollout === rollout.name)?.openedWaves.at(-1)?.upTo ?? 0;
      expect(place).toBe(placeOf(rollout.name, id));
      expect(place).toBeLessThan(upTo);
    }));

  it('nothing is offered that goes back', () =>
    offers(({ device }, { release: offered }) => expect(offered.counter).toBeGreaterThan(device?.counterFloor ?? 0)));

  it('what decide says is the word of the first rollout in explain that nobody outranks', () =>
    fc.assert(
      fc.property(someCase, (given) => {
        const decision = decide(inputOf(given));
        if (decision.reason === 'device-busy') return;
        const words = explain(inputOf(given)).filter(({ outrankedBy }) => outrankedBy === undefined);
        const acting = words.filter((word) => word.decision.kind !== 'none');
        if (decision.kind === 'none') {
          expect(acting).toEqual([]);
          expect(words.map((word) => word.decision.reason)).toContain(decision.reason);
        } else expect(acting).toMatchObject([{ rollout: decision.rollout.name }]);
      }),
      { numRuns: 2000 },
    ));

  it('the same is decided by a plan that was compiled anew', () =>
    fc.assert(
      fc.property(someCase, (given) => {
        const input = inputOf(given);
        expect(decide(input)).toEqual(decide(input));
        expect(decide(inputOf(given))).toEqual(decide(input));
      }),
      { numRuns: 300 },
    ));
});
