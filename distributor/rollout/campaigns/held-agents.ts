/**
 * Finds agents of open waves that are offered nothing, because a server of their cluster comes in a later wave or in
 * none: places are dealt to devices, not to clusters, and agents follow their servers.
 */
import { compareVersions, type Version } from '../../../contract/release/version.ts';
import type { Location } from '../../fleet/location.ts';
import type { CampaignState } from '../campaign.ts';
import { openWaveOf } from '../cohort.ts';
import type { CompiledPlan, CompiledRollout } from '../compiled-plan.ts';
import { placeOf } from '../placement.ts';
import { type BoundSource, memberPages } from './draw-bound.ts';

/** A device of the rollout's product, in its group or not. */
export interface PlacedMember {
  readonly location: Location;
  /** As a neighbour of others. */
  readonly vouched: Location;
  /** Index of the open wave that covers it; undefined where none does, or the rollout is not for it. */
  readonly wave: number | undefined;
  /** As it said last. */
  readonly current: Version | undefined;
}

/** @returns how many of each of so many open waves wait for a server that no open wave covers */
export function heldAgents(devices: readonly PlacedMember[], goal: Version, waves: number): number[] {
  const isBehind = ({ current }: PlacedMember) => current === undefined || compareVersions(current, goal) < 0;
  const behind = devices.filter(isBehind);
  const later = new Set(
    behind
      .filter(({ vouched, wave }) => vouched.role === 'server' && wave === undefined)
      .flatMap(({ vouched }) => vouched.cluster ?? []),
  );
  const held = Array.from({ length: waves }, () => 0);
  for (const { location, wave } of behind) {
    const { cluster, role } = location;
    if (role !== 'agent' || wave === undefined || cluster === undefined || !later.has(cluster)) continue;
    held[wave] = (held[wave] ?? 0) + 1;
  }
  return held;
}

/**
 * Of a campaign as it stands. Looks at every device of the product that may have a cluster, unless a wave covers all of
 * them.
 */
export async function heldAgentsOf(
  source: BoundSource,
  plan: CompiledPlan,
  { rollout, includes }: CompiledRollout,
  { version, status, openedWaves }: CampaignState,
): Promise<number[]> {
  const placed: PlacedMember[] = [];
  const coversAll = rollout.group === undefined && openedWaves.at(-1)?.upTo === 1;
  if (openedWaves.length > 0 && status !== 'aborted' && !coversAll) {
    const { keys, labels: rules } = plan.fleet;
    const isByRule = rules.some(({ set }) => Object.hasOwn(set, keys.cluster));
    for await (const page of memberPages(source, rollout.product, isByRule ? undefined : keys.cluster)) {
      for (const { id, labels: own, givenLabels, enrolledAt, current } of page) {
        const labels = plan.effectiveLabels(id, own, givenLabels);
        const location = plan.locationOf(labels);
        if (location.cluster === undefined) continue;
        const place = includes(labels) ? placeOf(rollout.name, id) : 1;
        const vouched = plan.vouchedLocationOf(id, own, givenLabels);
        placed.push({ location, vouched, wave: openWaveOf(place, enrolledAt, openedWaves), current });
      }
    }
  }
  return heldAgents(placed, version, openedWaves.length);
}
