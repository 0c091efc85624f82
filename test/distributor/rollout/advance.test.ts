import { describe, expect, it } from 'vitest';
import { advance } from '../../../distributor/rollout/advance.ts';
import {
  type Attempt,
  type CampaignState,
  noCounts,
  standingOf,
  type WaveCounts,
} from '../../../distributor/rollout/campaign.ts';
import type { Rollout } from '../../../distributor/rollout/declaration.ts';

const minute = 60_000;
const rollout: Rollout = {
  name: 'r',
  product: 'edge',
  target: { release: '1.2.0' },
  waves: [
    { name: 'canary', percent: 10, soakSeconds: 600 },
    { name: 'all', percent: 100, soakSeconds: 60 },
  ],
  gate: { successPercent: 95 },
  abort: { failurePercent: 5, minFailures: 3 },
  deviceTimeoutSeconds: 7200,
  paused: false,
  aborted: false,
  priority: 0,
};
const canary = { name: 'canary', openedAt: 0 };
const both = [canary, { name: 'all', openedAt: 10 * minute }];

type Case = {
  rollout?: Partial<Rollout>;
  state?: Partial<CampaignState>;
  counts?: Partial<WaveCounts>[];
  now?: number;
};

function next({ rollout: declared, state, counts = [], now = 10 * minute }: Case) {
  const campaign: CampaignState = {
    rollout: 'r',
    version: '1.2.0',
    status: 'active',
    reason: '',
    openedWaves: [canary],
    createdAt: 0,
    changedAt: 0,
    ...state,
  };
  const step = advance(
    { ...rollout, ...declared },
    campaign,
    counts.map((count) => ({ ...noCounts, ...count })),
    now,
  );
  if (step.kind === 'open-wave') return `open ${step.wave.name}`;
  return step.kind === 'wait' ? `wait ${step.reason}` : step.kind;
}

const cases: readonly (readonly [string, Case, string])[] = [
  ['a new campaign opens its first wave', { state: { openedWaves: [] } }, 'open canary'],
  [
    'a new campaign that is declared paused waits',
    { rollout: { paused: true }, state: { openedWaves: [] } },
    'wait paused',
  ],
  ['a wave soaks', { counts: [{ committed: 10 }], now: 10 * minute - 1 }, 'wait soaking'],
  ['after the soak the next wave opens', { counts: [{ committed: 10 }] }, 'open all'],
  ['the gate holds at exactly its percentage', { counts: [{ committed: 95, pending: 5 }] }, 'open all'],
  ['the gate does not hold below it', { counts: [{ committed: 94, pending: 6 }] }, 'wait gate-not-met'],
  ['unreachable devices count for nothing', { counts: [{ committed: 2, unreachable: 50 }] }, 'open all'],
  ['a wave that reached nobody waits', { counts: [{ members: 4 }] }, 'wait nobody-reached'],
  ['a wave whose devices all fell silent waits', { counts: [{ unreachable: 4 }] }, 'wait nobody-reached'],
  ['a wave without devices lets the next open', { counts: [{ members: 0 }] }, 'open all'],
  [
    'a later wave needs devices of its own',
    { state: { openedWaves: both }, counts: [{ committed: 100 }, { members: 9 }], now: 20 * minute },
    'wait nobody-reached',
  ],
  [
    'the last wave completes the campaign',
    { state: { openedWaves: both }, counts: [{ committed: 10 }, { committed: 90 }], now: 11 * minute },
    'complete',
  ],
  ['two failures are too few', { counts: [{ failed: 2 }] }, 'wait gate-not-met'],
  ['three of three abort', { counts: [{ failed: 3 }], now: 0 }, 'abort'],
  ['three of sixty abort', { counts: [{ committed: 57, failed: 3 }], now: 0 }, 'abort'],
  ['three of sixty-one do not', { counts: [{ committed: 58, failed: 3 }], now: 0 }, 'wait soaking'],
  [
    'failures of all waves count together',
    { state: { openedWaves: both }, counts: [{ committed: 5, failed: 2 }, { failed: 1 }] },
    'abort',
  ],
  [
    'a completed campaign still aborts when devices fall back later',
    { state: { openedWaves: both, status: 'completed' }, counts: [{ committed: 7, failed: 3 }] },
    'abort',
  ],
  ['a paused campaign still aborts', { state: { status: 'paused' }, counts: [{ failed: 3 }] }, 'abort'],
  ['a paused campaign opens nothing', { state: { status: 'paused' }, counts: [{ committed: 10 }] }, 'wait paused'],
  ['a declaration that says aborted aborts', { rollout: { aborted: true } }, 'abort'],
  ['an aborted campaign stays aborted', { state: { status: 'aborted' }, counts: [{ committed: 10 }] }, 'wait aborted'],
  ['a completed campaign is finished', { state: { openedWaves: both, status: 'completed' } }, 'wait finished'],
  [
    'a wave added to a completed campaign reopens it',
    { state: { openedWaves: [canary], status: 'completed' }, counts: [{ committed: 1 }] },
    'reopen',
  ],
];

describe('a campaign', () => {
  it.each(cases)('%s', (_name, given, expected) => {
    expect(next(given)).toBe(expected);
  });
});

describe('an attempt without a result', () => {
  const hour = 3_600_000;
  const attempt: Attempt = {
    rollout: 'r',
    version: '1.2.0',
    deviceId: 'd',
    place: 0.5,
    offeredVersion: '1.2.0',
    offeredAt: 0,
    phase: undefined,
    outcome: undefined,
    lastSeenAt: 0,
  };
  it.each([
    ['is pending until the time-out', {}, 2 * hour - 1, 'pending'],
    ['is unreachable when the device fell silent', {}, 2 * hour, 'unreachable'],
    ['is unreachable when it fell silent while downloading', { phase: 'downloading' }, 2 * hour, 'unreachable'],
    ['failed when it fell silent on probation', { phase: 'probation' }, 2 * hour, 'failed'],
    ['failed when the device talks and does not finish', { lastSeenAt: 2 * hour }, 2 * hour, 'failed'],
    ['committed whatever the time', { outcome: 'committed' }, 9 * hour, 'committed'],
    ['failed when rolled back', { outcome: 'rolled-back' }, 0, 'failed'],
  ] as const)('%s', (_name, more, now, standing) => {
    expect(standingOf({ ...attempt, ...more }, now, 7200)).toBe(standing);
  });
});
