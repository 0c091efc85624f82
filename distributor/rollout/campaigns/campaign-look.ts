/**
 * Looks at how one campaign stands and what would happen to it now: gathers what `advance` decides from, and draws the
 * bounds of waves that are to be opened. It records nothing; see campaigns.ts.
 */

import { type CampaignKey, type CampaignState, campaignText } from '../campaign.ts';
import type { CompiledPlan, CompiledRollout } from '../compiled-plan.ts';
import { type Advance, type AdvanceFacts, advance } from './advance.ts';
import type { ControlStep } from './control.ts';
import { type BoundSource, boundOf } from './draw-bound.ts';
import { EmptyGroups } from './empty-groups.ts';
import { GateAnswers } from './gate-answers.ts';
import type { GateProbe, GateResult } from './gates.ts';
import { Newcomers } from './newcomers.ts';
import type { CampaignStore } from './ports.ts';
import { type Tallied, Tallies } from './tallies.ts';
import type { Transition } from './transition.ts';

/** A declared rollout under the plan in force. */
export interface Declared {
  readonly plan: CompiledPlan;
  readonly compiled: CompiledRollout;
}

interface Look extends Tallied {
  readonly gates: readonly GateResult[];
  readonly next: Advance;
}

export class CampaignLook {
  readonly #tallies: Tallies;
  readonly #answers: GateAnswers;
  readonly #empty: EmptyGroups;
  readonly #newcomers: Newcomers;
  readonly #bounds: BoundSource;

  constructor(store: Pick<CampaignStore, 'countWaves' | 'countHolds'>, probe: GateProbe, bounds: BoundSource) {
    this.#tallies = new Tallies(store);
    this.#answers = new GateAnswers(probe);
    this.#empty = new EmptyGroups(bounds);
    this.#newcomers = new Newcomers(bounds);
    this.#bounds = bounds;
  }

  /**
   * The group is looked at where a wave is to open, which it does only for somebody, and where the rollout is to
   * complete.
   */
  async at(
    { plan, compiled }: Declared,
    state: CampaignState,
    { dependencies, lacking }: Pick<AdvanceFacts, 'dependencies' | 'lacking'>,
    now: number,
  ): Promise<Look> {
    const { rollout } = compiled;
    const { counts: drawn, holds } = await this.#tallies.of(rollout, state, now);
    let counts = drawn;
    const gates = this.#answers.of(waveText(state), now);
    const facts = { gates, dependencies, lacking, isEmpty: false, now };
    let next = advance(rollout, state, counts, facts);
    if (next.kind === 'open-wave' && !rollout.allowEmpty && (await this.#empty.isEmpty(plan, compiled, now))) {
      next = advance(rollout, state, counts, { ...facts, isEmpty: true });
    }
    if (next.kind === 'complete') {
      counts = await this.#newcomers.among(drawn, plan, compiled, state, now);
      next = advance(rollout, state, counts, facts);
    }
    return { counts, holds, gates, next };
  }

  /** A wave is opened with the bound drawn from the devices as they are now. */
  async transitionOf(
    { plan, compiled }: Declared,
    state: CampaignState,
    step: ControlStep | Exclude<Advance, { kind: 'wait' }>,
    now: number,
  ): Promise<Transition> {
    if (step.kind !== 'open-wave' || 'upTo' in step) return step;
    const { index, reason } = step;
    const atLeast = state.openedWaves.at(-1)?.upTo ?? 0;
    const bound = await boundOf(this.#bounds, plan, compiled, { index, atLeast, until: now });
    return { kind: 'open-wave', index, wave: step.wave.name, ...bound, reason };
  }

  /**
   * Draws a wave anew that opened when nobody was there, as earlier servers let it; undefined where nobody is still.
   */
  async filling({ plan, compiled }: Declared, state: CampaignState, now: number): Promise<Transition | undefined> {
    const index = state.openedWaves.length - 1;
    const last = state.openedWaves[index];
    if (!last || (await this.#empty.isEmpty(plan, compiled, now))) return undefined;
    const bound = await boundOf(this.#bounds, plan, compiled, { index, atLeast: last.upTo, until: now });
    return { kind: 'raise-wave', index, ...bound, reason: `Wave ${last.name} was empty and has devices now.` };
  }

  /** Asks the user's checks of the open wave in the background. @returns the name of the wave, for `keep` */
  ask({ compiled }: Declared, state: CampaignState, now: number): string {
    const name = waveText(state);
    const checks = compiled.rollout.waves[state.openedWaves.length - 1]?.gate.checks ?? [];
    // A check that hangs holds up no other campaign.
    void this.#answers.ask(name, checks, now).catch(() => undefined);
    return name;
  }

  /** Forgets the answers of waves that are not asked about any more. */
  keep(asked: ReadonlySet<string>): void {
    this.#answers.keep(asked);
  }

  /** @returns whether failures of the rollout, with this one more, may be enough for an abort now */
  failed({ compiled }: Declared): boolean {
    return this.#tallies.failed(compiled.rollout);
  }

  /** Other devices, or a plan that means other groups. @returns whether a group was taken to be empty */
  othersCame(): boolean {
    this.#newcomers.forget();
    return this.#empty.forget();
  }

  /** The campaign changed: what was counted may not hold. */
  forget(key: CampaignKey): void {
    this.#tallies.forget(key);
  }
}

/** Names the wave that is open now. */
function waveText(state: CampaignState): string {
  return `${campaignText(state)} ${state.openedWaves.length}`;
}
