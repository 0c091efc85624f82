/**
 * Reads and makes keys of TUF roles: their PEM form, their key id and their signatures. It knows neither files nor which
 * role a key serves.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { Key } from '@tufjs/models';
import { Signature } from '@tufjs/models/dist/signature.js';
import { SlipwayError } from '../../contract/errors.ts';
import { keyIdOf, keyJsonOf } from '../../contract/trust/key-id.ts';

/** Types of keys that a repository may have. ECDSA is for hardware and services that know no ed25519. */
export const keyTypes = ['ed25519', 'ecdsa-p256'] as const;
export type KeyType = (typeof keyTypes)[number];

/** A key that can only be named in metadata. */
export interface PublicKey {
  readonly keyId: string;
  readonly key: Key;
}

/** A key that can sign. */
export interface SigningKey extends PublicKey {
  /** Another program signs, which takes its time. */
  readonly isOutside?: true;
  /** @throws SlipwayError `signer-failed` where the key lies outside of this program */
  sign(data: Uint8Array): Signature;
}

export interface KeyPairPem {
  /** PKCS#8. Secret. */
  readonly privatePem: string;
  /** SubjectPublicKeyInfo. */
  readonly publicPem: string;
}

export function generateKeyPair(type: KeyType = 'ed25519'): KeyPairPem {
  const { privateKey, publicKey } =
    type === 'ed25519' ? generateKeyPairSync('ed25519') : generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return {
    privatePem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    publicPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  };
}

export function isSigningKey(key: PublicKey | SigningKey): key is SigningKey {
  return 'sign' in key;
}

/**
 * Reads one PEM: a PKCS#8 private key gives a SigningKey, a SubjectPublicKeyInfo a PublicKey.
 * @param name used in messages; the text itself never is
 * @throws SlipwayError `key-unreadable`
 */
export function parseKey(pem: string, name: string): PublicKey | SigningKey {
  const isPrivate = pem.includes('PRIVATE KEY-----');
  let key: KeyObject;
  try {
    key = isPrivate ? createPrivateKey(pem) : createPublicKey(pem);
  } catch {
    throw unreadable(name, 'it is no unencrypted PEM key');
  }
  const named = publicKeyOf(isPrivate ? createPublicKey(key) : key, name);
  if (!isPrivate) return named;
  return { ...named, sign: (data) => signatureOf(named, sign(hashOf(key), data, key)) };
}

/** @throws SlipwayError `key-unreadable` for a key of a type that is not among keyTypes */
function publicKeyOf(key: KeyObject, name: string): PublicKey {
  const json = keyJsonOf(key);
  if (!json) throw unreadable(name, `it is of type ${key.asymmetricKeyDetails?.namedCurve ?? key.asymmetricKeyType}`);
  const keyId = keyIdOf(json);
  return { keyId, key: Key.fromJSON(keyId, json) };
}

/** What the scheme of a key signs: the bytes themselves, or their digest. */
function hashOf({ asymmetricKeyType }: KeyObject): 'sha256' | null {
  return asymmetricKeyType === 'ed25519' ? null : 'sha256';
}

/** @param bytes 64 bytes of ed25519, or the DER of ECDSA */
export function signatureOf({ keyId }: PublicKey, bytes: Uint8Array): Signature {
  return new Signature({ keyID: keyId, sig: Buffer.from(bytes).toString('hex') });
}

function unreadable(name: string, why: string): SlipwayError {
  return new SlipwayError('key-unreadable', `expected an ed25519 or P-256 key in PEM form in ${name}, but ${why}`, {
    hint: 'Make one with: slipway-packager keygen',
  });
}
