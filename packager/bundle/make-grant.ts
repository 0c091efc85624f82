/** Makes the offline grant of a bundle: for one release, the metadata beside it, and whom it is for. */
import { sha256 } from '../../contract/digest.ts';
import { SlipwayError } from '../../contract/errors.ts';
import { type Grant, grantBytes, type SignedGrant } from '../../contract/trust/grant.ts';
import { offlineRole } from '../../contract/trust/keys-only-roles.ts';
import type { TrustedRepository } from '../../contract/trust/trusted-set.ts';
import { authorisedKeys } from '../../system/signing/signed-document.ts';
import type { SigningKey } from '../../system/signing/signing-key.ts';
import type { ListedRelease } from '../repository/product-role.ts';

export interface GrantWish {
  readonly days: number;
  readonly scope: Grant['scope'];
  readonly keys: readonly SigningKey[];
}

const dayMs = 24 * 3600 * 1000;

/**
 * @param trusted a repository that holds now
 * @throws SlipwayError `key-not-authorised`, `threshold-not-met`, `metadata-expired` where root or targets end before it
 */
export function makeGrant(
  { grants, documents }: TrustedRepository,
  { product, manifestSha256 }: ListedRelease,
  { days, scope, keys }: GrantWish,
  now: Date,
): SignedGrant {
  if (!grants) {
    throw new SlipwayError('key-not-authorised', 'the repository delegates offline grants to no key', {
      hint: 'Give it one: slipway-packager keys add offline --add FILE',
    });
  }
  const authority = { keyIDs: [...grants.keys.keys()], threshold: grants.threshold };
  const signers = authorisedKeys(offlineRole, authority, keys);
  const issued = new Date(Math.floor(now.getTime() / 1000) * 1000);
  const expires = new Date(issued.getTime() + days * dayMs);
  for (const role of ['root', 'targets']) requireLonger(role, documents.get(role), expires);
  const signed: Grant = {
    ...{ schemaVersion: 1, kind: 'offline-grant', product, scope, release: manifestSha256 },
    timestamp: sha256(documents.get('timestamp') ?? new Uint8Array()),
    issued: issued.toISOString(),
    expires: expires.toISOString(),
  };
  const bytes = grantBytes(signed);
  return { signed, signatures: signers.map((key) => ({ keyid: key.keyId, sig: key.sign(bytes).sig })) };
}

/** A device believes no grant whose keys nobody vouches for any more. */
function requireLonger(role: string, bytes: Uint8Array | undefined, end: Date): void {
  const { expires } = JSON.parse(new TextDecoder().decode(bytes)).signed as { expires: string };
  if (Date.parse(expires) >= end.getTime()) return;
  throw new SlipwayError('metadata-expired', `${role}.json ends at ${expires}, before the grant would`, {
    hint: 'Give a shorter --valid-for, or sign it again first: slipway-packager keys renew root targets',
  });
}
