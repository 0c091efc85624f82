/** Devices, checks and decisions for tests of the fleet's state, as plain as can be. */
import { randomBytes } from 'node:crypto';
import type { CheckRequest } from '../../contract/device-api/check.ts';
import type { Report } from '../../contract/device-api/report.ts';
import { parsePlan } from '../../distributor/declaration/plan.ts';
import type { Rollout } from '../../distributor/declaration/rollout.ts';
import { mintToken } from '../../distributor/fleet/access/token.ts';
import type { CheckArrival, FleetState, ReportRules } from '../../distributor/fleet/ports.ts';
import type { CountQuestion } from '../../distributor/rollout/campaigns/ports.ts';
import type { Transition } from '../../distributor/rollout/campaigns/transition.ts';
import type { Finding } from '../../distributor/rollout/deciding/findings.ts';
import type { Decision, UpdateDecision } from '../../distributor/rollout/decision.ts';

export const key = { rollout: 'r', version: '2.0.0' };

export const openWave = (index: number, upTo = 1, members = 1): Transition => ({
  ...{ kind: 'open-wave', index, wave: `wave-${index}`, upTo, members },
  reason: 'The rollout starts.',
});

export function rolloutNamed(name: string): Rollout {
  const spec = { product: 'edge', release: key.version, waves: [{ name: 'all', percent: 100 }] };
  const document = { apiVersion: 'slipway/v1', kind: 'Rollout', metadata: { name }, spec };
  const [rollout] = parsePlan([{ name: 'r.yaml', text: JSON.stringify(document) }]).rollouts;
  if (!rollout) throw new Error('expected one rollout');
  return rollout;
}

const release = (version: string) => ({
  ...{ product: 'edge', platform: 'linux/amd64' as const, version, counter: 2, floors: [] },
  ...{ targetPath: `edge/linux-amd64/${version}/release.json`, manifestSha256: '2'.repeat(64) },
  maxTransferBytes: 1_000_000,
});

export function offer(changes: Partial<UpdateDecision> = {}): UpdateDecision {
  const goal = release(key.version) as unknown as UpdateDecision['goal'];
  return {
    ...{ kind: 'update', reason: 'rollout-open', rollout: rolloutNamed(key.rollout), wave: 'all', place: 0.5 },
    ...{ goal, release: goal, generation: 0, isRetry: false, window: undefined, facts: {} },
    ...changes,
  };
}

export const nothing: Decision = { kind: 'none', reason: 'up-to-date', until: undefined, facts: {} };

export function finding(changes: Partial<Finding & { kind: 'runs' }> = {}): Finding {
  return { ...key, kind: 'runs', place: 0.5, generation: 0, isRetry: false, ...changes };
}

export const idle: CheckRequest = {
  ...{ schemaVersion: 1, updaterVersion: '0.1.0', product: 'edge', platform: 'linux/amd64' },
  ...{ counterFloor: 0, phase: 'idle', rejected: [], labels: {} },
};

/** Where the device says it stands is where it is vouched to stand, unless given. */
export function arrival(deviceId: string, at: number, changes: Partial<CheckArrival> = {}): CheckArrival {
  const { site, cluster } = changes;
  return {
    ...{ deviceId, at, check: idle, site, cluster, vouched: { site, cluster, role: 'server' } },
    ...{ wantsPeers: false, peerTimeoutSeconds: 3600, budgets: [] },
    ...changes,
  };
}

export function report(sequence: number, changes: Partial<Report> = {}): Report {
  return {
    ...{ sequence, at: '2026-01-01T00:00:00Z', attempt: 'a1', rollout: key.rollout, version: key.version },
    phase: 'committed',
    ...changes,
  };
}

/** Every report may change what it names, and costs what it says. */
export const anyReport: ReportRules = () => ({ maxBytes: Number.MAX_SAFE_INTEGER });

/** How waves with these bounds stand; none soaks. */
export function counting(bounds: readonly number[], now: number, deviceTimeoutSeconds: number): CountQuestion {
  const waves = bounds.map((upTo) => ({ upTo, openedAt: now, soakSeconds: 0 }));
  return { waves, judgedFrom: undefined, deviceTimeoutSeconds, now };
}

/** Enrols devices, all by one token. */
export async function enrolAll(state: FleetState, ...ids: string[]): Promise<void> {
  const { record } = mintToken({ purpose: 'enrol', now: 0, randomBytes });
  await state.saveToken(record);
  await Promise.all(
    ids.map((id) =>
      state.enrol({
        device: { id, product: 'edge', platform: 'linux/amd64', labels: {}, givenLabels: {} },
        ...{ status: 'accepted' as const, publicKey: undefined },
        enrolmentTokenId: record.id,
        deviceToken: mintToken({ purpose: 'device', deviceId: id, now: 0, randomBytes }).record,
        at: 1,
      }),
    ),
  );
}
