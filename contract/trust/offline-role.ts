/** Reads the delegated role whose keys sign offline grants. Like that of permits it has keys, and no metadata document. */
import type { Targets } from '@tufjs/models';
import type { KeyAuthority } from './key-authority.ts';

export const offlineRole = 'offline';
/** No target lies below it: it marks the role as the one that this program means. */
export const offlinePattern = 'offline/*';

/** Who may sign offline grants; undefined where the repository delegates them to nobody. */
export function grantAuthorityOf(targets: Targets | undefined): KeyAuthority | undefined {
  const role = targets?.delegations?.roles?.[offlineRole];
  if (!role || !isOfflineRole(role)) return undefined;
  const keys = role.keyIDs.flatMap((id) => {
    const key = targets?.delegations?.keys[id];
    return key ? [[id, key] as const] : [];
  });
  return { keys: new Map(keys), threshold: role.threshold };
}

/** A role of this name with another pattern is a product's: the keys of its releases may sign no grants. */
export function isOfflineRole(role: { readonly name: string; readonly paths?: readonly string[] }): boolean {
  return role.name === offlineRole && role.paths?.length === 1 && role.paths[0] === offlinePattern;
}
