/** Reads the delegated roles that have keys alone, and no metadata document: they sign permits and offline grants. */
import type { Key, Targets } from '@tufjs/models';
import type { KeyAuthority } from './key-authority.ts';

export const permitsRole = 'permits';
export const offlineRole = 'offline';
/** No target lies below it: it marks the role as the one that this program means. */
export const permitsPattern = 'permits/*';
/** As permitsPattern. */
export const offlinePattern = 'offline/*';

/** By the name of the role. */
export const keysOnlyPatterns: ReadonlyMap<string, string> = new Map([
  [permitsRole, permitsPattern],
  [offlineRole, offlinePattern],
]);

interface NamedRole {
  readonly name: string;
  readonly paths?: readonly string[];
}

/** Who may sign permits, with ed25519 alone; undefined where the repository delegates them to nobody. */
export function permitAuthorityOf(targets: Targets | undefined): KeyAuthority | undefined {
  return authorityOf(targets, permitsRole, ({ keyType }) => keyType === 'ed25519');
}

/** Who may sign offline grants; undefined where the repository delegates them to nobody. */
export function grantAuthorityOf(targets: Targets | undefined): KeyAuthority | undefined {
  return authorityOf(targets, offlineRole, () => true);
}

/** Roles that name releases: every delegated one but those that have keys alone. */
export function productRoles(targets: Targets | undefined): string[] {
  const roles = Object.values(targets?.delegations?.roles ?? {});
  return roles.filter((role) => !hasKeysAlone(role)).map(({ name }) => name);
}

function authorityOf(
  targets: Targets | undefined,
  name: string,
  isUsable: (key: Key) => boolean,
): KeyAuthority | undefined {
  const role = targets?.delegations?.roles?.[name];
  if (!role || !hasKeysAlone(role)) return undefined;
  const keys = new Map<string, Key>();
  for (const id of role.keyIDs) {
    const key = targets?.delegations?.keys[id];
    if (key && isUsable(key)) keys.set(id, key);
  }
  return { keys, threshold: role.threshold };
}

/** A role of such a name with another pattern is a product's: the keys of its releases may sign nothing else. */
function hasKeysAlone({ name, paths }: NamedRole): boolean {
  return paths?.length === 1 && paths[0] === keysOnlyPatterns.get(name);
}
