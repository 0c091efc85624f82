/**
 * Reads and makes ed25519 keys of TUF roles: their PEM form, their key id and their signatures. It knows neither files
 * nor which role a key serves.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { Key } from '@tufjs/models';
import { Signature } from '@tufjs/models/dist/signature.js';
import { SlipwayError } from '../../contract/errors.ts';
import { ed25519KeyId, ed25519KeyJson } from '../../contract/trust/key-id.ts';

/** A key that can only be named in metadata. */
export interface PublicKey {
  readonly keyId: string;
  readonly key: Key;
}

/** A key that can sign. */
export interface SigningKey extends PublicKey {
  sign(data: Uint8Array): Signature;
}

interface KeyPairPem {
  /** PKCS#8. Secret. */
  readonly privatePem: string;
  /** SubjectPublicKeyInfo. */
  readonly publicPem: string;
}

export function generateKeyPair(): KeyPairPem {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
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
  if (key.asymmetricKeyType !== 'ed25519') throw unreadable(name, `it is of type ${key.asymmetricKeyType}`);
  const named = publicKeyOf(isPrivate ? createPublicKey(key) : key);
  if (!isPrivate) return named;
  return {
    ...named,
    sign: (data) => new Signature({ keyID: named.keyId, sig: sign(null, data, key).toString('hex') }),
  };
}

function publicKeyOf(key: KeyObject): PublicKey {
  const x = key.export({ format: 'jwk' }).x ?? '';
  const publicHex = Buffer.from(x, 'base64url').toString('hex');
  const keyId = ed25519KeyId(publicHex);
  return { keyId, key: Key.fromJSON(keyId, ed25519KeyJson(publicHex)) };
}

function unreadable(name: string, why: string): SlipwayError {
  return new SlipwayError('key-unreadable', `expected an ed25519 key in PEM form in ${name}, but ${why}`, {
    hint: 'Make one with: slipway-packager keygen',
  });
}
