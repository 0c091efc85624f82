/** Asks the state of the fleet before a device is decided about; the question is the same for a check and for `why`. */
import type { CheckRequest, DeviceId, Labels } from '../../contract/device-api/check.ts';
import type { ReleaseIndex } from '../catalog/releases.ts';
import type { CompiledPlan } from '../rollout/compiled-plan.ts';
import type { FactsQuestion } from './ports.ts';

/** @param device with its effective labels */
export function questionOf(
  plan: CompiledPlan,
  releases: ReleaseIndex,
  device: {
    readonly id: DeviceId;
    readonly check: Pick<CheckRequest, 'product' | 'platform'>;
    readonly labels: Labels;
  },
  at: number,
): FactsQuestion {
  const { product, platform } = device.check;
  const location = plan.locationOf(device.labels);
  const ranked = plan.ranked(releases, product, platform);
  return {
    deviceId: device.id,
    site: location.site,
    cluster: location.cluster,
    wantsPeers: plan.wantsPeers(product, location),
    peerTimeoutSeconds: ranked.reduce((most, { rollout }) => Math.max(most, rollout.deviceTimeoutSeconds), 0),
    budgets: ranked.flatMap(({ rollout, goal }) =>
      rollout.budget && goal
        ? [{ rollout: rollout.name, version: goal.version, perSeconds: rollout.budget.perSeconds }]
        : [],
    ),
    at,
  };
}
