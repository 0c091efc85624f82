/** Lists the roles of a repository, with the keys that sign for them and the end of what they signed. */

import { isHalfSpent, type RoleKind } from '../../system/signing/lifetimes.ts';
import { rolesOf } from './change-words.ts';
import type { RepositoryState } from './state.ts';

export interface RoleStatus {
  readonly role: string;
  /** Undefined for a role without a document: permits. */
  readonly document: { readonly version: number; readonly expires: string; readonly daysLeft: number } | undefined;
  readonly threshold: number;
  readonly keyIds: readonly string[];
  /** Less than half of its time is left. */
  readonly isDue: boolean;
}

const dayMs = 24 * 3600 * 1000;

/** Root and targets first, then snapshot and timestamp, then products and permits by name. */
export function roleStatuses(state: RepositoryState, now: Date): RoleStatus[] {
  const roles = rolesOf(state.root.signed, state.targets.signed);
  const statusOf = (
    role: string,
    signer: string,
    kind: RoleKind | undefined,
    document: { version: number; expires: string } | undefined,
  ): RoleStatus => {
    const { keyIDs = [], threshold = 1 } = roles.get(signer) ?? {};
    return {
      ...{ role, threshold, keyIds: keyIDs },
      document: document && {
        version: document.version,
        expires: document.expires,
        daysLeft: Math.floor((Date.parse(document.expires) - now.getTime()) / dayMs),
      },
      isDue: document !== undefined && kind !== undefined && isHalfSpent(kind, document.expires, now, state.lifetimes),
    };
  };
  const delegated = [...roles.keys()].filter((name) => !['root', 'targets', 'online'].includes(name)).sort();
  return [
    statusOf('root', 'root', 'root', state.root.signed),
    statusOf('targets', 'targets', 'targets', state.targets.signed),
    statusOf('snapshot', 'online', 'snapshot', { version: state.snapshotVersion, expires: state.snapshotExpires }),
    statusOf('timestamp', 'online', 'timestamp', { version: state.timestampVersion, expires: state.timestampExpires }),
    ...delegated.map((name) => statusOf(name, name, 'product', state.products.get(name))),
  ];
}
