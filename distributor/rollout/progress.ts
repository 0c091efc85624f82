/** Counts of a campaign's devices, slice by slice. Reads the store, decides nothing. */
import { type Attempt, type CampaignState, type Standing, standingOf, type WaveCounts } from './campaign.ts';
import type { Rollout } from './declaration.ts';
import { placeOf } from './placement.ts';
import type { CampaignStore } from './ports.ts';

/**
 * One entry for each opened wave. A wave's slice begins where the wave before it ends.
 * @param now milliseconds since 1970
 */
export async function countWaves(
  store: CampaignStore,
  rollout: Rollout,
  campaign: CampaignState,
  now: number,
): Promise<WaveCounts[]> {
  const waves = rollout.waves.slice(0, campaign.openedWaves.length);
  if (waves.length === 0) return [];
  const open = await store.openAttempts(campaign);
  const counts: WaveCounts[] = [];
  for (const [index, wave] of waves.entries()) {
    const from = rollout.waves[index - 1]?.percent ?? 0;
    const covers = (place: number) => place * 100 >= from && place * 100 < wave.percent;
    const tally = tallyOpen(
      open.filter((attempt) => covers(attempt.place)),
      now,
      rollout.deviceTimeoutSeconds,
    );
    for (const { outcome, devices } of await store.countOutcomes(campaign, from, wave.percent)) {
      tally[outcome === 'committed' ? 'committed' : 'failed'] += devices;
    }
    const isUntouched = tally.committed + tally.failed + tally.pending + tally.unreachable === 0;
    const members = isUntouched
      ? (await store.devicesOf(rollout.product)).filter((id) => covers(placeOf(rollout.name, id))).length
      : undefined;
    counts.push({ ...tally, members });
  }
  return counts;
}

function tallyOpen(attempts: readonly Attempt[], now: number, timeoutSeconds: number): Record<Standing, number> {
  const tally = { committed: 0, failed: 0, pending: 0, unreachable: 0 };
  for (const attempt of attempts) tally[standingOf(attempt, now, timeoutSeconds)]++;
  return tally;
}
