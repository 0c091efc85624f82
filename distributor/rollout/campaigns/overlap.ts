/**
 * Counts devices that several rollouts claim, and says which rollout decides about them. An overlap is reported, never
 * refused.
 */
import type { ReleaseIndex } from '../../catalog/releases.ts';
import type { Rollout } from '../../declaration/rollout.ts';
import type { Member } from '../../fleet/device-page.ts';
import { type CompiledPlan, isMember } from '../compiled-plan.ts';
import { type BoundSource, memberPages } from './draw-bound.ts';
import type { Overlap } from './view.ts';

/** Counts the devices of a rollout's group that other rollouts of its product claim as well. */
class OverlapCount {
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

/** Looks at the devices of a rollout's product, none where no other rollout could claim one. */
export async function overlapsOf(
  source: BoundSource,
  plan: CompiledPlan,
  releases: ReleaseIndex,
  name: string,
): Promise<Overlap[]> {
  const product = plan.find(name)?.rollout.product;
  if (product === undefined) return [];
  const count = new OverlapCount(plan, name, orderOf(plan, releases, product));
  if (count.isAlone) return [];
  for await (const page of memberPages(source, product)) count.add(page);
  return count.found;
}

/** The order in which rollouts that may still decide speak; by the newest release of any platform. */
function orderOf(plan: CompiledPlan, releases: ReleaseIndex, product: string): string[] {
  const counters = countersOf(releases, product);
  const counterOf = ({ target }: Rollout) =>
    releases.versions(product, target).reduce((most, version) => Math.max(most, counters.get(version) ?? 0), 0);
  return plan.rollouts
    .map(({ rollout }) => rollout)
    .filter((rollout) => rollout.product === product && !rollout.aborted)
    .map((rollout) => ({ rollout, counter: counterOf(rollout) }))
    .sort(
      (a, b) =>
        b.rollout.priority - a.rollout.priority || b.counter - a.counter || (a.rollout.name < b.rollout.name ? -1 : 1),
    )
    .map(({ rollout }) => rollout.name);
}

/** Of each version of a product the highest counter. */
function countersOf(releases: ReleaseIndex, product: string): ReadonlyMap<string, number> {
  const counters = new Map<string, number>();
  for (const release of releases.all()) {
    if (release.product !== product) continue;
    counters.set(release.version, Math.max(release.counter, counters.get(release.version) ?? 0));
  }
  return counters;
}
