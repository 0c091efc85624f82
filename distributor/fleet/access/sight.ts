/**
 * Says what a caller sees of the fleet: the devices, rollouts, products and tokens inside its reach. What lies
 * outside is answered as if it were not there. Members of a group are those that the plan in force puts there.
 */
import type { Rollout } from '../../declaration/rollout.ts';
import { type Selector, selects } from '../../declaration/selector.ts';
import { type CompiledPlan, isMember } from '../../rollout/compiled-plan.ts';
import type { DeviceRecord, FleetState, TokenRecord } from '../ports.ts';
import { outOfReach } from './authorise.ts';
import { covers, everywhere, type FleetReach, isWhole, reachWords } from './reach.ts';

type Placed = Pick<DeviceRecord, 'id' | 'product' | 'labels' | 'givenLabels'>;

export interface Sight {
  /** Nothing of the fleet lies outside. */
  readonly isWhole: boolean;
  seesDevice(device: Placed): boolean;
  /** One that is not in force is seen only by who sees everything. */
  seesRollout(name: string): boolean;
  seesProduct(product: string): boolean;
}

/** @param plan as it is now; undefined where every reach is whole */
export function sightOf(reaches: readonly FleetReach[], plan: CompiledPlan | undefined): Sight {
  if (!plan || reaches.some(isWhole)) {
    return { isWhole: true, seesDevice: () => true, seesRollout: () => true, seesProduct: () => true };
  }
  const has = (reach: FleetReach, { name, product, group }: Rollout): boolean =>
    isOneOf(reach.products, product) &&
    isOneOf(reach.rollouts, name) &&
    (reach.groups.length === 0 || (group !== undefined && reach.groups.includes(group)));
  const groups = new Map(plan.plan.groups.map(({ name, selector }) => [name, selector]));
  const seesRollout = (name: string) => {
    const found = plan.find(name);
    return found !== undefined && reaches.some((reach) => has(reach, found.rollout));
  };
  return {
    isWhole: false,
    seesRollout,
    seesDevice: (device) => reaches.some((reach) => hasDevice(reach, device, plan, groups)),
    seesProduct: (product) =>
      reaches.some((reach) => {
        if (!isOneOf(reach.products, product)) return false;
        if (reach.groups.length + reach.rollouts.length === 0) return true;
        return plan.rollouts.some(({ rollout }) => rollout.product === product && has(reach, rollout));
      }),
  };
}

function hasDevice(
  { products, groups, rollouts }: FleetReach,
  device: Placed,
  plan: CompiledPlan,
  selectors: ReadonlyMap<string, Selector>,
): boolean {
  if (!isOneOf(products, device.product)) return false;
  const labels = plan.effectiveLabels(device.id, device.labels, device.givenLabels);
  const isInGroup = groups.some((name) => {
    const selector = selectors.get(name);
    return selector !== undefined && selects(selector, labels);
  });
  if (groups.length > 0 && !isInGroup) return false;
  return (
    rollouts.length === 0 ||
    rollouts.some((name) => {
      const found = plan.find(name);
      return found !== undefined && found.rollout.product === device.product && isMember(plan, found, device);
    })
  );
}

function isOneOf(names: readonly string[], name: string): boolean {
  return names.length === 0 || names.includes(name);
}

/** @throws SlipwayError `out-of-reach` */
export function requireWhole(sight: Sight, reaches: readonly FleetReach[], what: string): void {
  if (sight.isWhole) return;
  throw outOfReach(
    `${what}, and this token is for ${reaches.map(reachWords).join(', or ')}`,
    'Use a token without bounds.',
  );
}

/** Tokens that reach no further than the caller does. */
export async function seesToken(
  { sight, reaches }: { readonly sight: Sight; readonly reaches: readonly FleetReach[] },
  fleet: Pick<FleetState, 'findDevice'>,
  token: TokenRecord,
): Promise<boolean> {
  if (sight.isWhole) return true;
  if (token.deviceId !== undefined) {
    const device = await fleet.findDevice(token.deviceId);
    return device !== undefined && sight.seesDevice(device);
  }
  const inner = token.purpose === 'enrol' ? enrolmentReach(token.bound) : token.reach;
  return reaches.some((outer) => covers(outer, { ...inner, readOnly: true }));
}

/** Of a token that lets devices in: where they come to be. */
export function enrolmentReach({ products, groups }: Pick<FleetReach, 'products' | 'groups'>): FleetReach {
  return { ...everywhere, products, groups };
}
