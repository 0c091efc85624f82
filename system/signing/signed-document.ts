/**
 * Writes signed TUF metadata as the bytes that are stored: canonical, so that the same state always has the same bytes.
 */
import type { Metadata, Root, Snapshot, Targets, Timestamp } from '@tufjs/models';
import { MetaFile, Metadata as SignedMetadata } from '@tufjs/models';
import { canonicalJson } from '../../contract/canonical-json.ts';
import { sha256 } from '../../contract/digest.ts';
import { SlipwayError } from '../../contract/errors.ts';
import { metadataKey } from '../../contract/store-keys.ts';
import type { SigningKey } from './signing-key.ts';

/** The version of the TUF specification that the metadata follows. */
export const specVersion = '1.0.31';

export type SignedPart = Root | Targets | Snapshot | Timestamp;

export interface SignedDocument<T extends SignedPart = SignedPart> {
  readonly role: string;
  readonly signed: T;
  readonly bytes: Uint8Array;
}

/** The keys that may sign a role and how many of them must (`Role` and `DelegatedRole` of TUF). */
export interface RoleAuthority {
  readonly keyIDs: readonly string[];
  readonly threshold: number;
}

/**
 * The keys of `keys` that a role accepts.
 * @throws SlipwayError `key-not-authorised` when none is, `threshold-not-met` when too few are
 */
export function authorisedKeys(role: string, authority: RoleAuthority, keys: readonly SigningKey[]): SigningKey[] {
  const accepted = keys.filter((key) => authority.keyIDs.includes(key.keyId));
  if (accepted.length === 0) {
    throw new SlipwayError('key-not-authorised', `none of the ${keys.length} given keys may sign the role ${role}`, {
      hint: `Give a key with one of these ids: ${authority.keyIDs.map((id) => id.slice(0, 12)).join(', ')}`,
    });
  }
  if (accepted.length < authority.threshold) {
    throw new SlipwayError(
      'threshold-not-met',
      `the role ${role} needs ${authority.threshold} signatures, ${accepted.length} of its keys were given`,
      { hint: 'Give more of its private keys.' },
    );
  }
  return accepted;
}

/** Signs with each of `keys`, in the order of their ids. */
export function signDocument<T extends SignedPart>(
  role: string,
  signed: T,
  keys: readonly SigningKey[],
): SignedDocument<T> {
  const metadata = new SignedMetadata<SignedPart>(signed) as Metadata<T>;
  for (const key of [...keys].sort((a, b) => (a.keyId < b.keyId ? -1 : 1))) metadata.sign((data) => key.sign(data));
  return { role, signed, bytes: canonicalJson(metadata.toJSON()) };
}

/** Store key of a document; the timestamp's is fixed and not given here. */
export function documentKey(document: SignedDocument): string {
  return metadataKey(document.role, document.signed.version);
}

/** What snapshot and timestamp say about a document: version, length and digest. */
export function describeDocument(document: SignedDocument): MetaFile {
  const { bytes, signed } = document;
  return new MetaFile({ version: signed.version, length: bytes.length, hashes: { sha256: sha256(bytes) } });
}
