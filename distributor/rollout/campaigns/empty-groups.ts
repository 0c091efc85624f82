/**
 * Finds rollouts that have nobody to update. Looking is cheap where a device is there, and takes the whole fleet where
 * none is, so that answer is kept for a while.
 */
import type { CompiledPlan, CompiledRollout } from '../compiled-plan.ts';
import { type BoundSource, lookedInVain } from './draw-bound.ts';
import { KeptLooks } from './kept-looks.ts';

export class EmptyGroups {
  readonly #source: BoundSource;
  /** By rollout, where its group was found to be empty. */
  readonly #known = new KeptLooks<true>();

  constructor(source: BoundSource) {
    this.#source = source;
  }

  async isEmpty(plan: CompiledPlan, compiled: CompiledRollout, now: number): Promise<boolean> {
    const { name } = compiled.rollout;
    if (this.#known.at(name, now)) return true;
    const looked = await lookedInVain(this.#source, plan, compiled);
    if (looked === undefined) return false;
    this.#known.keep(name, true, looked, now);
    return true;
  }

  /** Other devices, or a plan that means other groups. @returns whether a group was taken to be empty */
  forget(): boolean {
    const hadAny = !this.#known.isEmpty;
    this.#known.forget();
    return hadAny;
  }
}
