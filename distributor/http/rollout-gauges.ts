/**
 * Shows the rollouts to Prometheus: standings, status, what they wait for. Series of rollouts that are gone go, too.
 */

import { type CampaignView, rolloutViewOf } from '../rollout/campaigns/view.ts';
import { notAskedOf, reachedOf, standings } from '../rollout/standing.ts';
import type { Metrics } from './metrics.ts';
import { codeLabel } from './trouble-gauges.ts';

export function showRollouts(metrics: Metrics, views: readonly CampaignView[]): void {
  const { rolloutDevices, rolloutHeld, rolloutStatus, rolloutWaits, rolloutWavesOpen } = metrics;
  for (const gauge of [rolloutDevices, rolloutHeld, rolloutStatus, rolloutWaits, rolloutWavesOpen]) gauge.reset();
  for (const campaign of views) {
    const rollout = campaign.rollout.name;
    const { status, next } = rolloutViewOf(campaign);
    rolloutStatus.set({ rollout, status }, 1);
    if (next.waitsFor !== undefined) rolloutWaits.set({ rollout, reason: next.waitsFor }, 1);
    rolloutWavesOpen.inc({ rollout }, campaign.campaign?.openedWaves.length ?? 0);
    for (const { fault, code, devices } of campaign.holds) {
      rolloutHeld.inc({ rollout, fault, code: codeLabel(code) }, devices);
    }
    for (const wave of campaign.counts) {
      for (const standing of standings) rolloutDevices.inc({ rollout, standing }, wave[standing]);
      rolloutDevices.inc({ rollout, standing: 'reached' }, reachedOf(wave));
      rolloutDevices.inc({ rollout, standing: 'notAsked' }, notAskedOf(wave));
    }
  }
}
