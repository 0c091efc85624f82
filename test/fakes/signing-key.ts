/** An ed25519 key in memory that signs requests as a device does. */
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { deviceKeyIdOf, toBeSigned } from '../../contract/device-api/signed-request.ts';

export function signingKey() {
  const { privateKey, publicKey: pair } = generateKeyPairSync('ed25519');
  const publicKey = pair.export({ format: 'jwk' }).x ?? '';
  const keyId = deviceKeyIdOf(publicKey);
  return {
    publicKey,
    keyId,
    /** @param now milliseconds since 1970 */
    fields(method: string, path: string, body: object, now: number, nonce = randomBytes(16).toString('base64url')) {
      const request = { method, path, body: Buffer.from(JSON.stringify(body)) };
      const { base, fields } = toBeSigned(request, { created: Math.floor(now / 1000), keyId, nonce });
      return fields(sign(null, base, privateKey));
    },
  };
}
