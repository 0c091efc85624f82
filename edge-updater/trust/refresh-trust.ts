/**
 * Brings the trusted set of this device up to date before anything is believed by it. It owns the time floor and
 * decides when the set on the disk is replaced; contract/trust makes the checks of TUF.
 */
import { limits } from '../../contract/limits.ts';
import { type FetchMetadata, refreshTrust, type TrustedRepository } from '../../contract/trust/trusted-set.ts';
import type { MetadataStore } from '../ports.ts';

export interface Refreshed {
  readonly repository: TrustedRepository;
  /** Milliseconds since 1970: this machine's clock, but no time before one that was believed already. */
  readonly time: number;
  /** Keeps the set with what was loaded since; a set that failed anywhere is not kept. */
  readonly keep: () => void;
}

/**
 * @param now milliseconds since 1970 on the machine's clock. @throws SlipwayError `metadata-…`, `trust-store-corrupt`
 */
export async function refreshTrustedSet(
  metadata: FetchMetadata,
  store: MetadataStore,
  now: number,
): Promise<Refreshed> {
  const known = store.load();
  // A clock that went back would bring expired metadata to life again (freeze attack, TUF 5.1).
  const time = Math.max(now, known.timeFloor);
  const repository = await refreshTrust({
    known: known.documents,
    fetch: metadata,
    now: new Date(time),
    maxRoots: limits.maxRootRotations,
    // A new root alone is kept at once (TUF 5.3.8); anything else that is kept too early could deny service.
    onAccepted(role, bytes) {
      if (role === 'root') store.replace({ ...known, documents: new Map(known.documents).set('root', bytes) });
    },
  });
  return { repository, time, keep: () => store.replace({ documents: repository.documents, timeFloor: time }) };
}
