/** Writes a public key as TUF metadata does, and computes the id that TUF gives it: the digest of that form (4.2.1). */
import type { KeyObject } from 'node:crypto';
import { canonicalJson } from '../canonical-json.ts';
import { type Digest, sha256 } from '../digest.ts';

/** A key of metadata, with the names that TUF and securesystemslib give to types and schemes. */
type KeyJson =
  /** 32 bytes in hexadecimal. */
  | { keytype: 'ed25519'; scheme: 'ed25519'; keyval: { public: string } }
  /** A SubjectPublicKeyInfo in PEM form; signatures are DER. */
  | { keytype: 'ecdsa'; scheme: 'ecdsa-sha2-nistp256'; keyval: { public: string } };

/** Undefined for a key of a type that no repository of ours uses. @param key a public one */
export function keyJsonOf(key: KeyObject): KeyJson | undefined {
  if (key.asymmetricKeyType === 'ed25519') return ed25519KeyJson(hexOf(key));
  if (key.asymmetricKeyType !== 'ec' || key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') return undefined;
  const pem = key.export({ type: 'spki', format: 'pem' }).toString();
  return { keytype: 'ecdsa', scheme: 'ecdsa-sha2-nistp256', keyval: { public: pem } };
}

/** The key as TUF metadata writes it. @param publicHex 32 bytes in hexadecimal */
function ed25519KeyJson(publicHex: string): KeyJson {
  return { keytype: 'ed25519', scheme: 'ed25519', keyval: { public: publicHex } };
}

/**
 * The canonical JSON of TUF escapes quotes and backslashes alone: the line ends of a PEM stand in it as they are. In all
 * else RFC 8785 agrees with it, since key values are plain ASCII.
 */
export function keyIdOf(key: KeyJson): Digest {
  const text = new TextDecoder().decode(canonicalJson(key));
  return sha256(new TextEncoder().encode(text.replaceAll('\\n', '\n')));
}

function hexOf(key: KeyObject): string {
  return Buffer.from(key.export({ format: 'jwk' }).x ?? '', 'base64url').toString('hex');
}
