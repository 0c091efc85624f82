/**
 * Counts devices of a rollout's group that were never asked to update, by the open wave that covers them, and those
 * that no open wave covers. With the columns of the waves they are all devices of the group: nobody is missing in the
 * sum.
 */
import type { CampaignState } from '../campaign.ts';
import { openWaveOf } from '../cohort.ts';
import { type CompiledPlan, type CompiledRollout, isMember } from '../compiled-plan.ts';
import { placeOf } from '../placement.ts';
import { pagesOf } from './draw-bound.ts';
import type { UnaskedStore } from './ports.ts';

export interface NotAsked {
  /** One entry for each opened wave. */
  readonly byWave: readonly number[];
  /** In no open wave: they wait for a later one, or for one that takes in devices that enrolled late. */
  readonly later: number;
}

export async function notAskedIn(
  store: UnaskedStore,
  yieldToEventLoop: () => Promise<void>,
  plan: CompiledPlan,
  compiled: CompiledRollout,
  campaign: CampaignState,
): Promise<NotAsked> {
  const byWave = campaign.openedWaves.map(() => 0);
  let later = 0;
  for await (const page of pagesOf(
    (page) => store.unaskedOf(campaign, compiled.rollout.product, page),
    yieldToEventLoop,
  )) {
    for (const device of page) {
      if (!isMember(plan, compiled, device)) continue;
      const { id, enrolledAt } = device;
      const wave = openWaveOf(placeOf(compiled.rollout.name, id), enrolledAt, campaign.openedWaves);
      if (wave === undefined) later++;
      else byWave[wave] = (byWave[wave] ?? 0) + 1;
    }
  }
  return { byWave, later };
}
