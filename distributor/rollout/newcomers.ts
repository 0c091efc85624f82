/**
 * Devices that came to a group after its last wave had opened for everybody: the wave is theirs, too, although nobody
 * knew them when its bound was drawn. Looking takes the whole fleet, so an answer is kept for a while: the longer the
 * look took, the longer.
 */
import { type CampaignState, campaignText } from './campaign.ts';
import type { CompiledPlan, CompiledRollout } from './compiled-plan.ts';
import { type BoundSource, placesOf } from './draw-bound.ts';
import type { WaveCounts } from './standing.ts';

const lookAgainMs = 1000;
/** So many devices add a millisecond. */
const devicesPerMs = 50;

export class Newcomers {
  readonly #source: BoundSource;
  /** By campaign: members of its group as they were found, and from when to when that is believed. */
  readonly #known = new Map<string, { readonly members: number; readonly since: number; readonly until: number }>();

  constructor(source: BoundSource) {
    this.#source = source;
  }

  /** The counts with newcomers among the members of the last wave, where that is for everybody. */
  async among(
    counts: readonly WaveCounts[],
    plan: CompiledPlan,
    compiled: CompiledRollout,
    state: CampaignState,
    now: number,
  ): Promise<readonly WaveCounts[]> {
    const [last, own] = [state.openedWaves.at(-1), counts.at(-1)];
    if (!last || !own || last.upTo < 1) return counts;
    const members = await this.#membersOf(plan, compiled, state, now);
    if (members <= last.members) return counts;
    return [...counts.slice(0, -1), { ...own, members: own.members + members - last.members }];
  }

  async #membersOf(plan: CompiledPlan, compiled: CompiledRollout, state: CampaignState, now: number): Promise<number> {
    const key = campaignText(state);
    const known = this.#known.get(key);
    if (known && known.since <= now && now < known.until) return known.members;
    const { length: members } = await placesOf(this.#source, plan, compiled, now);
    this.#known.set(key, { members, since: now, until: now + lookAgainMs + Math.floor(members / devicesPerMs) });
    return members;
  }

  /** Other devices, or a plan that means other groups. */
  forget(): void {
    this.#known.clear();
  }
}
