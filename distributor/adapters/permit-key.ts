/** Reads the key that signs permits from a PEM file. Its bytes stay here: only signatures leave. */
import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { SlipwayError } from '../../contract/errors.ts';
import { ed25519KeyId } from '../../contract/trust/key-id.ts';
import type { PermitSigner } from '../rollout/deciding/permit.ts';

/** @throws SlipwayError `key-unreadable` */
export function readPermitKey(file: string): PermitSigner {
  const key = privateKey(file);
  const x = createPublicKey(key).export({ format: 'jwk' }).x ?? '';
  return {
    keyId: ed25519KeyId(Buffer.from(x, 'base64url').toString('hex')),
    sign: (bytes) => sign(null, bytes, key).toString('hex'),
  };
}

function privateKey(file: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey(readFileSync(file));
  } catch (cause) {
    throw unreadable(file, 'is no unencrypted private key in PEM form', cause);
  }
  if (key.asymmetricKeyType !== 'ed25519') throw unreadable(file, `is of type ${key.asymmetricKeyType}, not ed25519`);
  return key;
}

function unreadable(file: string, why: string, cause?: unknown): SlipwayError {
  return new SlipwayError('key-unreadable', `--permit-key ${file} ${why}`, {
    cause,
    hint: 'Make one with slipway-packager keygen and delegate permits to it with slipway-packager init --permit-key.',
  });
}
