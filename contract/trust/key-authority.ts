/** Says whose signatures a permit or a grant needs, and counts those that it has. */
import type { Key } from '@tufjs/models';
import type { Digest } from '../digest.ts';
import type { SlipwayError } from '../errors.ts';
import { isSignature } from './signature.ts';

/** Who may sign, as trusted targets metadata says. */
export interface KeyAuthority {
  /** By TUF key id; each key once. */
  readonly keys: ReadonlyMap<string, Key>;
  /** At least 1. */
  readonly threshold: number;
}

interface KeySignature {
  readonly keyid: Digest;
  /** Hexadecimal. */
  readonly sig: string;
}

/**
 * Distinct keys count: one key that signs twice is one signature.
 * @param refuse makes what is thrown where too few signed
 */
export function requireSignatures(
  bytes: Uint8Array,
  signatures: readonly KeySignature[],
  { keys, threshold }: KeyAuthority,
  refuse: (found: number) => SlipwayError,
): void {
  const valid = signatures.filter(({ keyid, sig }) => {
    const key = keys.get(keyid);
    return key !== undefined && isSignature(key, bytes, Buffer.from(sig, 'hex'));
  });
  const found = new Set(valid.map(({ keyid }) => keyid)).size;
  if (found < Math.max(threshold, 1)) throw refuse(found);
}
