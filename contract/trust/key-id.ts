/** Computes the id that TUF gives an ed25519 key: the digest of its canonical form (4.2.1). */
import { canonicalJson } from '../canonical-json.ts';
import { type Digest, sha256 } from '../digest.ts';

/** The key as TUF metadata writes it. @param publicHex 32 bytes in hexadecimal */
export function ed25519KeyJson(publicHex: string) {
  return { keytype: 'ed25519', scheme: 'ed25519', keyval: { public: publicHex } };
}

/** Key values are plain ASCII, so that RFC 8785 agrees with the canonical JSON of TUF. */
export function ed25519KeyId(publicHex: string): Digest {
  return sha256(canonicalJson(ed25519KeyJson(publicHex)));
}
