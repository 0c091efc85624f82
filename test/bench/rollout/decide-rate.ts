/** How many decisions one core makes in a second: a fleet of many devices asked in turn, under three rollouts. */

import { type Release, ReleaseIndex } from '../../../distributor/catalog/releases.ts';
import { parsePlan } from '../../../distributor/declaration/plan.ts';
import type { CampaignState } from '../../../distributor/rollout/campaign.ts';
import { compilePlan } from '../../../distributor/rollout/compiled-plan.ts';
import { decide } from '../../../distributor/rollout/deciding/decide.ts';
import { checkOf, deviceName, product } from './fleet-on-disk.ts';

export interface DecideRate {
  readonly devices: number;
  /** The best and the middle one of the rounds. */
  readonly bestPerSecond: number;
  readonly medianPerSecond: number;
  /** How often each reason was given in one round. */
  readonly reasons: Readonly<Record<string, number>>;
}

const documents = `
apiVersion: slipway/v1
kind: Group
metadata: {name: north}
spec: {selector: {matchLabels: {region: north}}}
---
apiVersion: slipway/v1
kind: Rollout
metadata: {name: north-first}
spec:
  product: ${product}
  release: 3.0.0
  group: north
  priority: 10
  windows: [{timeZone: Europe/Berlin, from: "22:00", to: "05:00"}]
  waves: [{name: canary, percent: 5, soak: 24h}, {name: all, percent: 100}]
---
apiVersion: slipway/v1
kind: Rollout
metadata: {name: everybody}
spec:
  product: ${product}
  release: 2.0.0
  waves: [{name: canary, percent: 2, soak: 24h}, {name: half, percent: 50, soak: 4h}, {name: all, percent: 100}]
---
apiVersion: slipway/v1
kind: Rollout
metadata: {name: held}
spec: {product: ${product}, release: 1.5.0, paused: true, priority: -5, waves: [{name: all, percent: 100}]}
`;

const midnight = Date.UTC(2026, 0, 15, 23, 30);

export function measureDecide(devices: number, rounds: number): DecideRate {
  const plan = compilePlan(parsePlan([{ name: 'bench.yaml', text: documents }]));
  const releases = new ReleaseIndex(['1.0.0', '1.5.0', '2.0.0', '3.0.0'].map(releaseOf));
  const campaigns = new Map([campaignOf('north-first', '3.0.0', 0.05), campaignOf('everybody', '2.0.0', 0.02)]);
  const campaign = (rollout: string, version: string) => campaigns.get(`${rollout} ${version}`);
  const fleet = Array.from({ length: devices }, (_, index) => {
    const check = checkOf(index);
    const { labels } = check;
    return { id: deviceName(index), check, labels, enrolledAt: 0 };
  });
  const reasons: Record<string, number> = {};
  const round = (count: boolean): number => {
    const begin = performance.now();
    for (const device of fleet) {
      const decision = decide({
        ...{ device, plan, releases, campaign, now: midnight },
        ...{ attempts: [], peers: [], spending: () => undefined },
      });
      if (count) reasons[decision.reason] = (reasons[decision.reason] ?? 0) + 1;
    }
    return devices / ((performance.now() - begin) / 1000);
  };
  round(true);
  const rates = Array.from({ length: rounds }, () => round(false)).sort((a, b) => a - b);
  const at = (index: number) => Math.round(rates[index] ?? 0);
  return { devices, bestPerSecond: at(rates.length - 1), medianPerSecond: at(Math.floor(rates.length / 2)), reasons };
}

function releaseOf(version: string, index: number): Release {
  return {
    ...{ product, platform: 'linux/amd64', version, counter: index + 1, channels: [], floors: [] },
    ...{ minUpdaterVersion: undefined, manifestSha256: String(index).repeat(64), maxTransferBytes: 1e9 },
    targetPath: `${product}/linux-amd64/${version}/release.json`,
  } as Release;
}

function campaignOf(rollout: string, version: string, upTo: number): [string, CampaignState] {
  const wave = { name: 'canary', openedAt: 1, closedAt: undefined, upTo, members: 0 };
  const state: CampaignState = {
    ...{ rollout, version, status: 'active', reason: '', openedWaves: [wave], generation: 0 },
    ...{ stalledAt: undefined, judgedFrom: undefined, createdAt: 1, changedAt: 1 },
  };
  return [`${rollout} ${version}`, state];
}
