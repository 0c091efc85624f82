/**
 * Brings the trusted set up to date from a bundle whose metadata has ended, where an offline grant stands for it: the set
 * is judged at the time at which the grant was signed. Versions and counters may not go back all the same.
 */
import { sha256 } from '../../contract/digest.ts';
import { SlipwayError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import { decodeGrant, type Grant, type GrantHolder, verifyGrant } from '../../contract/trust/grant.ts';
import type { FetchMetadata } from '../../contract/trust/trusted-set.ts';
import { refreshTrust } from '../../contract/trust/trusted-set.ts';
import type { MetadataStore } from '../ports.ts';
import { type Refreshed, refreshTrustedSet } from './refresh-trust.ts';

export interface OfferedGrant {
  /** As it came, nothing of it verified. */
  readonly bytes: Uint8Array;
  readonly holder: Pick<GrantHolder, 'deviceId' | 'product' | 'labels'>;
}

/** @returns with `grant` only where it was needed */
type RefreshedOffline = Refreshed & { readonly grant?: Grant };

/**
 * @param now milliseconds since 1970 on the machine's clock
 * @throws SlipwayError `metadata-…`, `grant-…`, `trust-store-corrupt`
 */
export async function refreshOffline(
  metadata: FetchMetadata,
  store: MetadataStore,
  now: number,
  offered: OfferedGrant | undefined,
): Promise<RefreshedOffline> {
  try {
    return await refreshTrustedSet(metadata, store, now);
  } catch (error) {
    if (!(error instanceof SlipwayError) || error.code !== 'metadata-expired' || !offered) throw error;
  }
  const decoded = decodeGrant(offered.bytes);
  const known = store.load();
  const repository = await refreshTrust({
    known: known.documents,
    fetch: metadata,
    // Nothing is kept before the grant is verified, by keys that this set names.
    now: new Date(decoded.signed.issued),
    maxRoots: limits.maxRootRotations,
  });
  const time = Math.max(now, known.timeFloor, Date.parse(decoded.signed.issued));
  requireUnexpired(repository.documents, time);
  const grant = verifyGrant(decoded, repository.grants, {
    ...offered.holder,
    timestamp: sha256(repository.documents.get('timestamp') ?? new Uint8Array()),
    now: time,
  });
  const keep = () => store.replace({ documents: repository.documents, timeFloor: time });
  return { repository, time, keep, grant };
}

/** The keys of the grant are named by these two: what they say has to be in force. */
function requireUnexpired(documents: ReadonlyMap<string, Uint8Array>, time: number): void {
  for (const role of ['root', 'targets']) {
    const { expires } = JSON.parse(new TextDecoder().decode(documents.get(role))).signed as { expires: string };
    if (time < Date.parse(expires)) continue;
    throw new SlipwayError('metadata-expired', `${role}.json of the bundle expired at ${expires}`, {
      hint: 'Fetch a newer bundle, or check the clock of this machine.',
    });
  }
}
