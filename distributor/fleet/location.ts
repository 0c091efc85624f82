/** Computes where a device stands, by its labels, and where others take it to stand. */
import type { Labels } from '../../contract/device-api/check.ts';
import type { LabelKeys } from '../declaration/fleet.ts';

export type Role = 'server' | 'agent';

export interface Location {
  readonly site: string | undefined;
  /** A device without one stands on its own. */
  readonly cluster: string | undefined;
  readonly role: Role;
}

/** An empty value is no value; every role but `agent` is a server's. */
export function locationOf(keys: LabelKeys, labels: Labels): Location {
  return {
    site: labels[keys.site] || undefined,
    cluster: labels[keys.cluster] || undefined,
    role: labels[keys.role] === 'agent' ? 'agent' : 'server',
  };
}

/**
 * Where a device counts as a neighbour of others: at the site and in the cluster that a rule of the fleet gives it.
 * Against a device that names the cluster of others to hold them up: its own word counts only where the fleet says so.
 * A rule that looks at a device's own labels takes its word for them.
 * @param labels effective
 * @param byRule those of them that rules gave
 */
export function vouchedLocation(keys: LabelKeys, labels: Labels, byRule: Labels): Location {
  const claimed = locationOf(keys, labels);
  if (keys.fromDevice) return claimed;
  return {
    site: Object.hasOwn(byRule, keys.site) ? claimed.site : undefined,
    cluster: Object.hasOwn(byRule, keys.cluster) ? claimed.cluster : undefined,
    role: claimed.role,
  };
}
