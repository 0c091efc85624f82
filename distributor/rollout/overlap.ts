/** Devices that several rollouts claim: how many, and which rollout decides about them. Reported, never refused. */
import type { Member } from '../fleet/ports.ts';
import { type CompiledPlan, isMember } from './compiled-plan.ts';
import type { Overlap } from './view.ts';

/** Counts the devices of a rollout's group that other rollouts of its product claim as well. */
export class OverlapCount {
  readonly #plan: CompiledPlan;
  readonly #name: string;
  readonly #order: readonly string[];
  readonly #devices = new Map<string, number>();

  /** @param order names of the product's rollouts that can still decide, the first one wins */
  constructor(plan: CompiledPlan, name: string, order: readonly string[]) {
    this.#plan = plan;
    this.#name = name;
    this.#order = order;
  }

  /** Nobody else claims anything: no device needs to be looked at. */
  get isAlone(): boolean {
    return this.#order.every((name) => name === this.#name);
  }

  add(members: readonly Member[]): void {
    const own = this.#plan.find(this.#name);
    if (!own) return;
    for (const member of members) {
      if (!isMember(this.#plan, own, member)) continue;
      for (const name of this.#order) {
        const other = name === this.#name ? undefined : this.#plan.find(name);
        if (other && isMember(this.#plan, other, member)) this.#devices.set(name, (this.#devices.get(name) ?? 0) + 1);
      }
    }
  }

  get found(): Overlap[] {
    const rank = (name: string) => this.#order.indexOf(name);
    return this.#order
      .filter((name) => this.#devices.has(name))
      .map((name) => ({
        rollout: name,
        devices: this.#devices.get(name) ?? 0,
        winner: rank(name) < rank(this.#name) ? name : this.#name,
      }));
  }
}
