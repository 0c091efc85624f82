/** Reads the delegated role whose keys sign permits. It has no metadata document: it names keys, never targets. */
import type { Key, Targets } from '@tufjs/models';
import type { KeyAuthority } from './key-authority.ts';
import { isOfflineRole } from './offline-role.ts';

export const permitsRole = 'permits';
/** No target lies below it: it marks the role as the one that this program means. */
export const permitsPattern = 'permits/*';

/** Who may sign permits; undefined where the repository delegates them to nobody. */
export function permitAuthorityOf(targets: Targets | undefined): KeyAuthority | undefined {
  const role = targets?.delegations?.roles?.[permitsRole];
  if (!role || !isPermitsRole(role)) return undefined;
  const keys = new Map<string, Key>();
  for (const id of role.keyIDs) {
    const key = targets?.delegations?.keys[id];
    if (key?.keyType === 'ed25519') keys.set(id, key);
  }
  return { keys, threshold: role.threshold };
}

/** Roles that name releases: every delegated one but those that have keys alone. */
export function productRoles(targets: Targets | undefined): string[] {
  const roles = Object.values(targets?.delegations?.roles ?? {});
  return roles.filter((role) => !isPermitsRole(role) && !isOfflineRole(role)).map((role) => role.name);
}

/** A role of this name with another pattern is a product's: the keys of its releases may sign no permits. */
function isPermitsRole(role: { readonly name: string; readonly paths?: readonly string[] }): boolean {
  return role.name === permitsRole && role.paths?.length === 1 && role.paths[0] === permitsPattern;
}
