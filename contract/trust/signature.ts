/** Verifies one signature by a key of TUF metadata, of whatever type it is. */
import { verify } from 'node:crypto';
import type { Key } from '@tufjs/models';
import { getPublicKey } from '@tufjs/models/dist/utils/key.js';

/** False also for what is no key. @param signature 64 bytes of ed25519, or the DER of ECDSA */
export function isSignature({ keyType, scheme, keyVal }: Key, data: Uint8Array, signature: Uint8Array): boolean {
  try {
    const { key, hashAlgorithm } = getPublicKey({ keyType, scheme, keyVal: keyVal.public ?? '' });
    return verify(hashAlgorithm ?? null, data, key, signature);
  } catch {
    return false;
  }
}
