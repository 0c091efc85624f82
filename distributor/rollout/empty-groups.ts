/**
 * Which rollouts have nobody to update. Looking is cheap where somebody is there, and takes the whole fleet where nobody
 * is, so that answer is kept for a while: the longer the look took, the longer.
 */
import type { CompiledPlan, CompiledRollout } from './compiled-plan.ts';
import { type BoundSource, lookedInVain } from './draw-bound.ts';

const lookAgainMs = 1000;
/** So many devices that were looked at in vain add a millisecond. */
const devicesPerMs = 50;

export class EmptyGroups {
  readonly #source: BoundSource;
  /** By rollout: from when to when its group is taken to be empty. */
  readonly #known = new Map<string, { readonly since: number; readonly until: number }>();

  constructor(source: BoundSource) {
    this.#source = source;
  }

  async isEmpty(plan: CompiledPlan, compiled: CompiledRollout, now: number): Promise<boolean> {
    const { name } = compiled.rollout;
    const known = this.#known.get(name);
    if (known && known.since <= now && now < known.until) return true;
    this.#known.delete(name);
    const looked = await lookedInVain(this.#source, plan, compiled);
    if (looked === undefined) return false;
    this.#known.set(name, { since: now, until: now + lookAgainMs + Math.floor(looked / devicesPerMs) });
    return true;
  }

  /** Other devices, or a plan that means other groups. @returns whether a group was taken to be empty */
  forget(): boolean {
    const hadAny = this.#known.size > 0;
    this.#known.clear();
    return hadAny;
  }
}
