/**
 * Defines how far a token or a person reaches: which products, groups and rollouts, and whether it may change anything.
 * Each part that is empty bounds nothing; all parts that are given hold together. Pure.
 */
import * as z from 'zod';
import { productSchema } from '../../../contract/release/manifest.ts';
import { objectNameSchema } from '../../declaration/object-name.ts';
import type { Scope } from './scopes.ts';

const maxNames = 64;

/** As people write it; what is left out bounds nothing. */
export const reachShape = {
  /** These products, their devices and rollouts. */
  products: z.array(productSchema).max(maxNames).default([]),
  /** Devices that are in one of these groups of the plan, and rollouts for one of them. */
  groups: z.array(objectNameSchema).max(maxNames).default([]),
  /** These rollouts, and the devices that they are for. */
  rollouts: z.array(objectNameSchema).max(maxNames).default([]),
  /** Nothing is changed with it, whatever the scopes. */
  readOnly: z.boolean().default(false),
};

export interface FleetReach {
  readonly products: readonly string[];
  readonly groups: readonly string[];
  readonly rollouts: readonly string[];
  readonly readOnly: boolean;
}

/** Scopes, and where they hold. */
export interface ScopeGrant {
  readonly scopes: readonly Scope[];
  readonly reach: FleetReach;
}

export const everywhere: FleetReach = { products: [], groups: [], rollouts: [], readOnly: false };

export function reachOf({ products, groups, rollouts, readOnly }: FleetReach): FleetReach {
  const once = (names: readonly string[]) => [...new Set(names)];
  return { products: once(products), groups: once(groups), rollouts: once(rollouts), readOnly };
}

/** Whether it reaches the whole fleet, be it to read alone. */
export function isWhole({ products, groups, rollouts }: FleetReach): boolean {
  return products.length + groups.length + rollouts.length === 0;
}

/** Whether whatever lies inside `inner` lies inside `outer`, too. */
export function covers(outer: FleetReach, inner: FleetReach): boolean {
  if (outer.readOnly && !inner.readOnly) return false;
  return (['products', 'groups', 'rollouts'] as const).every((part) => isWithin(outer[part], inner[part]));
}

function isWithin(outer: readonly string[], inner: readonly string[]): boolean {
  return outer.length === 0 || (inner.length > 0 && inner.every((name) => outer.includes(name)));
}

/** In words, for lists and messages; empty where it bounds nothing. */
export function reachWords({ products, groups, rollouts, readOnly }: FleetReach): string {
  const part = (word: string, names: readonly string[]) => (names.length === 0 ? [] : [`${word} ${names.join(',')}`]);
  return [
    ...part('product', products),
    ...part('group', groups),
    ...part('rollout', rollouts),
    ...(readOnly ? ['read only'] : []),
  ].join(' ');
}
