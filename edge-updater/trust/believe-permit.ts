/** Decides whether this device follows a permit that came with an answer, by metadata that was just refreshed. */
import { SlipwayError } from '../../contract/errors.ts';
import type { Permit, SignedPermit } from '../../contract/trust/permit.ts';
import type { FetchMetadata } from '../../contract/trust/trusted-set.ts';
import { type PermitHolder, verifyPermit } from '../../contract/trust/verify-permit.ts';
import type { MetadataStore } from '../ports.ts';
import { refreshTrustedSet } from './refresh-trust.ts';

interface PermitMemory {
  /** Ids that this device went back by. */
  readonly used: readonly string[];
}

/**
 * Keys that were revoked since the last refresh count no more, and neither clock nor server can make an expired permit
 * young again: it is judged at the time floor.
 * @param now milliseconds since 1970 on the machine's clock
 * @throws SlipwayError `permit-…`, `permits-not-delegated`, `metadata-…`
 */
export async function believePermit(
  permit: SignedPermit,
  holder: Omit<PermitHolder, 'now'> & PermitMemory,
  metadata: FetchMetadata,
  store: MetadataStore,
  now: number,
): Promise<Permit> {
  const { repository, time, keep } = await refreshTrustedSet(metadata, store, now);
  keep();
  const believed = verifyPermit(permit, repository.permits, { ...holder, now: time });
  // The same release may run here again after a retry: an old permit must not take it away a second time.
  if (holder.used.includes(believed.id)) {
    throw new SlipwayError('permit-used', `this device went back by the permit ${believed.id} before`);
  }
  return believed;
}
