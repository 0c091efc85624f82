/** Plans, devices and campaigns for tests of deciding: everything has a value, tests say what matters. */
import type { CheckRequestVersion1, Labels } from '../../../contract/device-api/check.ts';
import { type Release, ReleaseIndex } from '../../../distributor/catalog/releases.ts';
import { defaultFleet } from '../../../distributor/declaration/fleet.ts';
import { emptyPlan, type Plan } from '../../../distributor/declaration/plan.ts';
import { defaultPractice } from '../../../distributor/declaration/practice.ts';
import type { Rollout } from '../../../distributor/declaration/rollout.ts';
import type { Wave } from '../../../distributor/declaration/wave.ts';
import type { CampaignAttempt, CampaignState, OpenedWave } from '../../../distributor/rollout/campaign.ts';
import { compilePlan } from '../../../distributor/rollout/compiled-plan.ts';
import type { DecideInput, Peer } from '../../../distributor/rollout/deciding/decide-input.ts';
import type { Decision } from '../../../distributor/rollout/decision.ts';

/** 2026-11-26T12:00:00Z, a Thursday. */
export const noon = Date.UTC(2026, 10, 26, 12);

export const release = (counter: number, more: Partial<Release> = {}): Release => ({
  product: 'edge',
  platform: 'linux/amd64',
  version: `1.${counter}.0`,
  counter,
  channels: [],
  floors: [],
  minUpdaterVersion: undefined,
  manifestSha256: String(counter).padStart(64, '0'),
  maxTransferBytes: 1_000_000,
  targetPath: `edge/linux-amd64/1.${counter}.0/release.json`,
  ...more,
});

export const wave = (name: string, percent: number, more: Partial<Wave> = {}): Wave => ({
  name,
  size: { percent },
  soakSeconds: 0,
  gate: defaultPractice.gate,
  ...more,
});

export const rollout = (version: string, more: Partial<Rollout> = {}): Rollout => ({
  ...defaultPractice,
  name: `to-${version}`,
  product: 'edge',
  target: { release: version },
  group: undefined,
  allowEmpty: false,
  waves: [wave('all', 100)],
  deadline: undefined,
  after: [],
  maxMinorStep: undefined,
  paused: false,
  aborted: false,
  priority: 0,
  ...more,
});

export const opened = (name: string, upTo: number, more: Partial<OpenedWave> = {}): OpenedWave => ({
  name,
  openedAt: 1000,
  closedAt: undefined,
  upTo,
  members: 1,
  ...more,
});

export const state = (version: string, more: Partial<CampaignState> = {}): CampaignState => ({
  rollout: `to-${version}`,
  version,
  status: 'active',
  reason: 'because',
  openedWaves: [opened('all', 1)],
  generation: 0,
  stalledAt: undefined,
  judgedFrom: undefined,
  createdAt: 0,
  changedAt: 0,
  ...more,
});

export const attempt = (version: string, more: Partial<CampaignAttempt> = {}): CampaignAttempt => ({
  rollout: `to-${version}`,
  version,
  deviceId: 'gate-17',
  place: 0,
  offeredVersion: version,
  offeredAt: noon - 3600_000,
  foundAt: undefined,
  generation: 0,
  phase: undefined,
  outcome: undefined,
  code: undefined,
  // As the server keeps it for an outcome without a code, unless the test says otherwise.
  fault: ({ failed: 'device', 'rolled-back': 'release', committed: undefined } as const)[more.outcome ?? 'committed'],
  settledAt: more.outcome === undefined ? undefined : noon - 1800_000,
  revertedAt: undefined,
  bytesOnWire: undefined,
  lastSeenAt: noon - 60_000,
  ...more,
});

export const running = (counter: number): NonNullable<CheckRequestVersion1['current']> => {
  const { version, manifestSha256 } = release(counter);
  return { version, counter, manifestSha256 };
};

export const peer = (id: string, more: Partial<Peer> = {}): Peer => ({
  id,
  product: 'edge',
  site: undefined,
  cluster: 'c1',
  role: 'server',
  current: '1.1.0',
  isUpdating: false,
  lastSeenAt: noon - 60_000,
  ...more,
});

export const device: CheckRequestVersion1 = {
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

export interface Case extends Partial<Omit<DecideInput, 'device' | 'campaign' | 'plan' | 'releases'>> {
  readonly id?: string;
  readonly enrolledAt?: number;
  readonly device?: Partial<CheckRequestVersion1>;
  readonly labels?: Labels;
  readonly rollouts?: readonly Rollout[];
  readonly plan?: Partial<Plan>;
  readonly releases?: readonly Release[];
  readonly states?: readonly CampaignState[];
}

const threeReleases = [release(1), release(2), release(3)];

export function inputOf(given: Case): DecideInput {
  const { device: facts, states = [state('1.2.0'), state('1.3.0')], rollouts = [rollout('1.2.0')] } = given;
  const check = { ...device, ...facts };
  return {
    device: { id: given.id ?? 'gate-17', check, labels: given.labels ?? {}, enrolledAt: given.enrolledAt ?? 0 },
    plan: compilePlan({ ...emptyPlan, fleet: defaultFleet, rollouts, ...given.plan }),
    releases: new ReleaseIndex(given.releases ?? threeReleases),
    attempts: given.attempts ?? [],
    peers: given.peers ?? [],
    spending: given.spending ?? (() => undefined),
    now: given.now ?? noon,
    campaign: (name, version) => states.find((known) => known.rollout === name && known.version === version),
  };
}

export function textOf(decision: Decision): string {
  const what = decision.kind === 'update' ? ` ${decision.release.version}` : '';
  return `${decision.kind}${what} ${decision.reason}`;
}
