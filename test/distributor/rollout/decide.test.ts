import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CheckRequest } from '../../../contract/device-api/check.ts';
import { type Release, ReleaseIndex } from '../../../distributor/catalog/releases.ts';
import { type Attempt, type CampaignState, campaignStatuses } from '../../../distributor/rollout/campaign.ts';
import { type DecideInput, decide } from '../../../distributor/rollout/decide.ts';
import type { Rollout } from '../../../distributor/rollout/declaration.ts';
import { placeOf } from '../../../distributor/rollout/placement.ts';

const release = (counter: number, more: Partial<Release> = {}): Release => ({
  product: 'edge',
  platform: 'linux/amd64',
  version: `1.${counter}.0`,
  counter,
  channels: [],
  floors: [],
  minUpdaterVersion: undefined,
  manifestSha256: String(counter).padStart(64, '0'),
  targetPath: `edge/linux-amd64/1.${counter}.0/release.json`,
  ...more,
});

const rollout = (version: string, more: Partial<Rollout> = {}): Rollout => ({
  name: `to-${version}`,
  product: 'edge',
  target: { release: version },
  waves: [{ name: 'all', percent: 100, soakSeconds: 0 }],
  gate: { successPercent: 95 },
  abort: { failurePercent: 5, minFailures: 3 },
  deviceTimeoutSeconds: 7200,
  paused: false,
  aborted: false,
  priority: 0,
  ...more,
});

const state = (version: string, more: Partial<CampaignState> = {}): CampaignState => ({
  rollout: `to-${version}`,
  version,
  status: 'active',
  reason: 'because',
  openedWaves: [{ name: 'all', openedAt: 0 }],
  createdAt: 0,
  changedAt: 0,
  ...more,
});

const running = (counter: number): CheckRequest['current'] => {
  const { version, manifestSha256 } = release(counter);
  return { version, counter, manifestSha256 };
};

const device: CheckRequest = {
  schemaVersion: 1,
  updaterVersion: '1.0.0',
  product: 'edge',
  platform: 'linux/amd64',
  current: running(1),
  counterFloor: 1,
  phase: 'idle',
  rejected: [],
  labels: {},
};

type Case = Partial<Omit<DecideInput, 'device' | 'campaign'>> & {
  device?: Partial<CheckRequest>;
  states?: readonly CampaignState[];
};

function inputOf({ device: facts, states = [state('1.2.0'), state('1.3.0')], ...more }: Case): DecideInput {
  return {
    deviceId: 'gate-17',
    rollouts: [rollout('1.2.0')],
    releases: new ReleaseIndex([release(1), release(2), release(3)]),
    attempts: [],
    ...more,
    device: { ...device, ...facts },
    campaign: (name, version) => states.find((known) => known.rollout === name && known.version === version),
  };
}

const attempt: Attempt = {
  rollout: 'to-1.2.0',
  version: '1.2.0',
  deviceId: 'gate-17',
  place: 0,
  offeredVersion: '1.2.0',
  offeredAt: 0,
  phase: 'rolled-back',
  outcome: 'rolled-back',
  lastSeenAt: 0,
};

const cases: readonly (readonly [string, Case, string])[] = [
  ['an open wave', {}, 'update 1.2.0 rollout-open'],
  ['no rollout at all', { rollouts: [] }, 'none no-rollout'],
  ['a rollout of another product', { rollouts: [rollout('1.2.0', { product: 'other' })] }, 'none no-rollout'],
  ['a device in the middle of an update', { device: { phase: 'probation' } }, 'none device-busy'],
  ['a device that has it', { device: { current: running(2) } }, 'none up-to-date'],
  ['a device with a newer release', { device: { current: running(3) } }, 'none newer-than-rollout'],
  ['a device with nothing yet', { device: { current: undefined, counterFloor: 0 } }, 'update 1.2.0 rollout-open'],
  ['a device that committed a higher counter once', { device: { counterFloor: 3 } }, 'none counter-below'],
  ['a release that the store lacks', { rollouts: [rollout('1.9.0')] }, 'none release-unknown'],
  ['a platform without the release', { device: { platform: 'linux/arm64' } }, 'none release-unknown'],
  [
    'a release that the device rejected',
    { device: { rejected: [release(2).manifestSha256] } },
    'none release-failed-here',
  ],
  ['a release that the device reported rolled back', { attempts: [attempt] }, 'none release-failed-here'],
  [
    'an attempt that failed before the switch',
    { attempts: [{ ...attempt, outcome: 'failed' }] },
    'update 1.2.0 rollout-open',
  ],
  ['a campaign that was never started', { states: [] }, 'none wave-not-open'],
  ['a campaign without an open wave', { states: [state('1.2.0', { openedWaves: [] })] }, 'none wave-not-open'],
  ['a paused campaign', { states: [state('1.2.0', { status: 'paused' })] }, 'none rollout-paused'],
  ['a declaration that says paused', { rollouts: [rollout('1.2.0', { paused: true })] }, 'none rollout-paused'],
  ['an aborted campaign', { states: [state('1.2.0', { status: 'aborted' })] }, 'none rollout-aborted'],
  ['a declaration that says aborted', { rollouts: [rollout('1.2.0', { aborted: true })] }, 'none rollout-aborted'],
  [
    'a completed campaign and a late device',
    { states: [state('1.2.0', { status: 'completed' })] },
    'update 1.2.0 rollout-open',
  ],
  [
    'an updater that is too old',
    { releases: new ReleaseIndex([release(2, { minUpdaterVersion: '1.0.1' })]) },
    'none updater-too-old',
  ],
  [
    'a floor in between',
    { rollouts: [rollout('1.3.0')], releases: new ReleaseIndex([release(2), release(3, { floors: ['1.2.0'] })]) },
    'update 1.2.0 floor-first',
  ],
  [
    'a floor that has a floor',
    {
      rollouts: [rollout('1.4.0')],
      states: [state('1.4.0')],
      releases: new ReleaseIndex([release(2), release(3, { floors: ['1.2.0'] }), release(4, { floors: ['1.3.0'] })]),
    },
    'update 1.2.0 floor-first',
  ],
  [
    'a floor that is reached',
    {
      device: { current: running(2) },
      rollouts: [rollout('1.3.0')],
      releases: new ReleaseIndex([release(2), release(3, { floors: ['1.2.0'] })]),
    },
    'update 1.3.0 rollout-open',
  ],
  [
    'a floor and no release yet',
    {
      device: { current: undefined },
      rollouts: [rollout('1.3.0')],
      releases: new ReleaseIndex([release(2), release(3, { floors: ['1.2.0'] })]),
    },
    'update 1.3.0 rollout-open',
  ],
  [
    'a floor that the store lacks',
    { rollouts: [rollout('1.3.0')], releases: new ReleaseIndex([release(3, { floors: ['1.2.0'] })]) },
    'none floor-first',
  ],
  ['two rollouts: the newer release', { rollouts: [rollout('1.2.0'), rollout('1.3.0')] }, 'update 1.3.0 rollout-open'],
  [
    'two rollouts: the higher priority',
    { rollouts: [rollout('1.2.0', { priority: 1 }), rollout('1.3.0')] },
    'update 1.2.0 rollout-open',
  ],
  [
    'a higher priority that holds the device back',
    { rollouts: [rollout('1.2.0', { priority: 1, paused: true }), rollout('1.3.0')] },
    'none rollout-paused',
  ],
  [
    'a higher priority that is done with the device',
    { device: { current: running(2) }, rollouts: [rollout('1.2.0', { priority: 1 }), rollout('1.3.0')] },
    'update 1.3.0 rollout-open',
  ],
  [
    'a newer rollout that does not reach the device yet',
    { states: [state('1.2.0'), state('1.3.0', { openedWaves: [] })], rollouts: [rollout('1.2.0'), rollout('1.3.0')] },
    'update 1.2.0 rollout-open',
  ],
  [
    'a channel',
    {
      rollouts: [rollout('1.2.0', { target: { channel: 'stable' } })],
      releases: new ReleaseIndex([release(1), release(2, { channels: ['stable'] })]),
    },
    'update 1.2.0 rollout-open',
  ],
];

describe('a device asks what to run', () => {
  it.each(cases)('%s', (_name, given, expected) => {
    const decision = decide(inputOf(given));
    const text = decision.kind === 'update' ? `update ${decision.release.version}` : 'none';
    expect(`${text} ${decision.reason}`).toBe(expected);
  });

  it('and the order in which rollouts are listed changes nothing', () => {
    const rollouts = [rollout('1.2.0', { name: 'b' }), rollout('1.2.0', { name: 'a' }), rollout('1.3.0')];
    const states = rollouts.map((known) => state('1.2.0', { rollout: known.name }));
    const answers = [rollouts, rollouts.toReversed()].map((order) => decide(inputOf({ rollouts: order, states })));
    expect(answers[0]).toEqual(answers[1]);
    expect(answers[0]).toMatchObject({ kind: 'update', facts: { rollout: 'a' } });
  });
});

const waves = fc
  .array(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 5 })
  .map((percents) =>
    percents.sort((a, b) => a - b).map((percent, i) => ({ name: `wave-${i}`, percent, soakSeconds: 0 })),
  );
const deviceIds = fc.uniqueArray(fc.stringMatching(/^[a-z0-9]{1,12}$/), { minLength: 1, maxLength: 40 });

describe('whatever the waves', () => {
  it('offers to exactly those whose place the open percentage covers', () => {
    fc.assert(
      fc.property(waves, deviceIds, fc.integer({ min: 0, max: 5 }), (declared, ids, opened) => {
        const openedWaves = declared.slice(0, opened).map(({ name }) => ({ name, openedAt: 0 }));
        const given = { rollouts: [rollout('1.2.0', { waves: declared })], states: [state('1.2.0', { openedWaves })] };
        const percent = openedWaves.length === 0 ? 0 : (declared[openedWaves.length - 1]?.percent ?? 0);
        for (const deviceId of ids) {
          const { kind } = decide({ ...inputOf(given), deviceId });
          expect(kind === 'update').toBe(placeOf('to-1.2.0', deviceId) * 100 < percent);
        }
      }),
    );
  });

  it('offers nothing while paused and nothing once aborted', () => {
    fc.assert(
      fc.property(
        waves,
        deviceIds,
        fc.constantFrom(...campaignStatuses),
        fc.boolean(),
        (declared, ids, status, off) => {
          const openedWaves = declared.map(({ name }) => ({ name, openedAt: 0 }));
          const given = {
            rollouts: [rollout('1.2.0', { waves: declared, paused: off })],
            states: [state('1.2.0', { openedWaves, status })],
          };
          if (!off && status !== 'paused' && status !== 'aborted') return;
          for (const deviceId of ids) expect(decide({ ...inputOf(given), deviceId }).kind).toBe('none');
        },
      ),
    );
  });
});
