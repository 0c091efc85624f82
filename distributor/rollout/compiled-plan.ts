/** A plan made ready for deciding: rollouts by product, each with its group's selector and its windows at hand. */
import type { Labels } from '../../contract/device-api/check.ts';
import type { Fleet } from '../declaration/fleet.ts';
import type { Plan } from '../declaration/plan.ts';
import type { Rollout } from '../declaration/rollout.ts';
import { selects } from '../declaration/selector.ts';

export interface CompiledRollout {
  readonly rollout: Rollout;
  /** Whether labels belong to the rollout's group. */
  readonly includes: (labels: Labels) => boolean;
}

export interface CompiledPlan {
  readonly plan: Plan;
  readonly fleet: Fleet;
  readonly rollouts: readonly CompiledRollout[];
  /** By product; those of higher priority first, then by name. */
  readonly byProduct: ReadonlyMap<string, readonly CompiledRollout[]>;
}

export function compilePlan(plan: Plan): CompiledPlan {
  const groups = new Map(plan.groups.map(({ name, selector }) => [name, selector]));
  const rollouts = plan.rollouts.map((rollout): CompiledRollout => {
    const selector = rollout.group === undefined ? undefined : groups.get(rollout.group);
    const isUnknown = rollout.group !== undefined && selector === undefined;
    return { rollout, includes: (labels) => !isUnknown && (selector === undefined || selects(selector, labels)) };
  });
  const byProduct = new Map<string, CompiledRollout[]>();
  for (const compiled of [...rollouts].sort(byPriority)) {
    const { product } = compiled.rollout;
    const known = byProduct.get(product);
    if (known) known.push(compiled);
    else byProduct.set(product, [compiled]);
  }
  return { plan, fleet: plan.fleet, rollouts, byProduct };
}

function byPriority(a: CompiledRollout, b: CompiledRollout): number {
  return b.rollout.priority - a.rollout.priority || (a.rollout.name < b.rollout.name ? -1 : 1);
}
