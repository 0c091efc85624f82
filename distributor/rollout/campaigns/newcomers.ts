/**
 * Finds devices that came to a group after its last wave had opened for everybody: the wave is theirs, too, although
 * nobody knew them when its bound was drawn. Looking takes the whole fleet, so an answer is kept for a while.
 */
import { type CampaignState, campaignText } from '../campaign.ts';
import type { CompiledPlan, CompiledRollout } from '../compiled-plan.ts';
import type { WaveCounts } from '../standing.ts';
import { type BoundSource, placesOf } from './draw-bound.ts';
import { KeptLooks } from './kept-looks.ts';

export class Newcomers {
  readonly #source: BoundSource;
  /** By campaign: how many members its group was found to have. */
  readonly #known = new KeptLooks<number>();

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
    const known = this.#known.at(key, now);
    if (known !== undefined) return known;
    const { length: members } = await placesOf(this.#source, plan, compiled, now);
    this.#known.keep(key, members, members, now);
    return members;
  }

  /** Other devices, or a plan that means other groups. */
  forget(): void {
    this.#known.forget();
  }
}
