/**
 * Proves that a server is that of the repository whose root is pinned here, and has this device's product, before a use
 * of an enrolment token is spent on it. What passes by itself (metadata that has expired) is no reason to stay away.
 */
import { SlipwayError } from '../../contract/errors.ts';
import type { Product } from '../../contract/release/manifest.ts';
import type { FetchMetadata } from '../../contract/trust/trusted-set.ts';
import type { MetadataStore } from '../ports.ts';
import { type Refreshed, refreshTrustedSet } from './refresh-trust.ts';

/** Of a server that shows nothing to those who are not enrolled, and of metadata that the root signed, and late. */
const unproved: readonly string[] = ['unauthenticated', 'metadata-expired'];
/** What metadata of another repository looks like from here. */
const foreign: readonly string[] = ['metadata-signature-invalid', 'metadata-malformed', 'metadata-key-duplicated'];

/** @throws SlipwayError `product-unknown`, `metadata-…`, `trust-store-corrupt`, codes of the path and the disk */
export async function proveServer(
  product: Product,
  metadata: FetchMetadata,
  store: MetadataStore,
  now: number,
): Promise<void> {
  let refreshed: Refreshed;
  try {
    refreshed = await refreshTrustedSet(metadata, store, now);
  } catch (error) {
    if (!(error instanceof SlipwayError)) throw error;
    if (unproved.includes(error.code)) return;
    if (!foreign.includes(error.code)) throw error;
    throw new SlipwayError(
      error.code,
      `this server's repository is not the one that is trusted here: ${error.message}`,
      {
        cause: error,
        hint: 'Check `server` and `trustedRoot` in edge.yaml; the enrolment token was not used.',
      },
    );
  }
  refreshed.keep();
  const { delegatedRoles } = refreshed.repository;
  if (delegatedRoles.includes(product)) return;
  throw new SlipwayError('product-unknown', `the repository has no product ${product}`, {
    hint: `Correct \`product\` in edge.yaml (there is ${delegatedRoles.slice(0, 8).join(', ') || 'none'}); the enrolment token was not used.`,
  });
}
