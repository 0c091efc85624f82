/** Where a device stands, by its labels. */
import type { Labels } from '../../contract/device-api/check.ts';
import type { LabelKeys } from '../declaration/fleet.ts';
import type { Role } from '../rollout/decide-input.ts';

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
