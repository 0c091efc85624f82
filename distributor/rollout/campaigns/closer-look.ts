/**
 * Finds what only a look at every device of a product tells of one campaign: devices that were never asked, agents that
 * wait for a server, devices that other rollouts claim as well. Callers who ask meanwhile share the look. Of a large
 * fleet it is believed for a while, so that asking often costs no more than asking now and then.
 */
import type { ReleaseIndex } from '../../catalog/releases.ts';
import { type CampaignState, campaignText } from '../campaign.ts';
import type { CompiledPlan, CompiledRollout } from '../compiled-plan.ts';
import type { BoundSource } from './draw-bound.ts';
import { heldAgentsOf } from './held-agents.ts';
import { KeptLooks } from './kept-looks.ts';
import { type NotAsked, notAskedIn } from './not-asked.ts';
import { overlapsOf } from './overlap.ts';
import type { UnaskedStore } from './ports.ts';
import type { Overlap } from './view.ts';

interface Closer {
  readonly held: readonly number[];
  readonly notAsked: NotAsked;
  readonly overlaps: readonly Overlap[];
}

/** A smaller fleet is looked at each time: it takes a moment. */
const manyDevices = 20_000;

export class CloserLook {
  readonly #source: BoundSource;
  readonly #store: UnaskedStore;
  readonly #kept = new KeptLooks<Closer>();
  readonly #going = new Map<string, Promise<Closer>>();
  #plan: CompiledPlan | undefined;

  constructor(source: BoundSource, store: UnaskedStore) {
    this.#source = source;
    this.#store = store;
  }

  async of(
    plan: CompiledPlan,
    compiled: CompiledRollout,
    state: CampaignState,
    releases: ReleaseIndex,
    now: number,
  ): Promise<Closer> {
    if (plan !== this.#plan) {
      this.#kept.forget();
      this.#going.clear();
    }
    this.#plan = plan;
    const key = `${campaignText(state)} ${state.status} ${state.changedAt}`;
    const known = this.#kept.at(key, now) ?? this.#going.get(key);
    if (known) return known;
    const look = this.#look(plan, compiled, state, releases);
    this.#going.set(key, look);
    try {
      const found = await look;
      const { byWave, later } = found.notAsked;
      const looked = byWave.reduce((sum, devices) => sum + devices, later);
      if (looked >= manyDevices && plan === this.#plan) this.#kept.keep(key, found, looked, now);
      return found;
    } finally {
      if (this.#going.get(key) === look) this.#going.delete(key);
    }
  }

  async #look(
    plan: CompiledPlan,
    compiled: CompiledRollout,
    state: CampaignState,
    releases: ReleaseIndex,
  ): Promise<Closer> {
    return {
      held: await heldAgentsOf(this.#source, plan, compiled, state),
      notAsked: await notAskedIn(this.#store, this.#source.yieldToEventLoop, plan, compiled, state),
      overlaps: await overlapsOf(this.#source, plan, releases, compiled.rollout.name),
    };
  }
}
