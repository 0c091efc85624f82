/**
 * Decides what becomes of the cluster's data when a device goes back from a release. Within one minor version of
 * Kubernetes the older program reads what the newer one wrote. Across minors it may not: stored objects are of newer
 * API versions (Kubernetes, "Version Skew Policy": API servers are not downgraded).
 */
import * as z from 'zod';
import { isSameMinor, type Numbered } from './distribution.ts';

/** `refuse`: a device does not go back from the release by itself. */
const rollbackPolicies = ['restore-datastore', 'keep-datastore', 'refuse'] as const;
export const rollbackPolicySchema = z.enum(rollbackPolicies);
export type RollbackPolicy = z.infer<typeof rollbackPolicySchema>;

interface Leaving extends Numbered {
  readonly onRollback?: RollbackPolicy | undefined;
}

/**
 * What a release states has the first word. Data is kept by default only where both releases are known to bring one
 * minor version.
 * @param from the release that the device leaves @param to the one that it goes back to
 */
export function rollbackPolicy(from: Leaving, to: Numbered): RollbackPolicy {
  if (from.onRollback !== undefined) return from.onRollback;
  return isSameMinor(from, to) ? 'keep-datastore' : 'restore-datastore';
}
