/** Keys of ECDSA P-256 in a repository: what signs by them is believed, and one key counts once however it is written. */
import { createPublicKey, ECDH } from 'node:crypto';
import { expect, it } from 'vitest';
import { canonicalJson } from '../../../contract/canonical-json.ts';
import { checkStructure } from '../../../contract/trust/structure.ts';
import { refreshTrust } from '../../../contract/trust/trusted-set.ts';
import { createRoot, createTargets } from '../../../packager/repository/offline-roles.ts';
import { nextSnapshot, nextTimestamp } from '../../../system/signing/online-roles.ts';
import { describeDocument, signDocument } from '../../../system/signing/signed-document.ts';
import { generateKeyPair, isSigningKey, parseKey, type SigningKey } from '../../../system/signing/signing-key.ts';

const now = new Date('2026-11-01T00:00:00Z');

function ecdsaKey(): SigningKey {
  const key = parseKey(generateKeyPair('ecdsa-p256').privatePem, 'test');
  if (!isSigningKey(key)) throw new Error('expected a key that signs');
  return key;
}

const one = (key: SigningKey) => ({ keys: [key], threshold: 1 });

it('a repository whose keys are all of P-256 is believed', async () => {
  const [offline, online] = [ecdsaKey(), ecdsaKey()];
  const root = createRoot({ root: one(offline), targets: one(offline), online: one(online) }, now, false);
  const targets = createTargets({ products: new Map() }, one(offline), now);
  const snapshot = signDocument('snapshot', nextSnapshot({ 'targets.json': describeDocument(targets) }, 1, now), [
    online,
  ]);
  const timestamp = signDocument('timestamp', nextTimestamp(describeDocument(snapshot), 1, now), [online]);
  const files = new Map([
    ['timestamp.json', timestamp.bytes],
    ['1.snapshot.json', snapshot.bytes],
    ['1.targets.json', targets.bytes],
  ]);
  const known = new Map([['root', root.bytes]]);
  const fetch = async (name: string) => files.get(name);
  expect((await refreshTrust({ known, fetch, now })).root.version).toBe(1);
  const forged = signDocument('timestamp', nextTimestamp(describeDocument(snapshot), 2, now), [ecdsaKey()]);
  files.set('timestamp.json', forged.bytes);
  await expect(refreshTrust({ known, fetch, now })).rejects.toMatchObject({ code: 'metadata-signature-invalid' });
});

it('has the id of the canonical JSON of TUF, in which line ends stand as they are', () => {
  // Made with OpenSSL; the id by: printf '{"keytype":"ecdsa","keyval":{"public":"PEM"},"scheme":"…"}' | sha256sum
  const lines = [
    '-----BEGIN PUBLIC KEY-----',
    'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE1OOCy3VK9DBV6VBRVnAZVuZDI9dp',
    'OYJu1SP1lvmNzQzsHSYD9Hf9EhrFV4ZgsatG6+O9qaIhCIJwUUpokz3z4g==',
    '-----END PUBLIC KEY-----',
  ];
  expect(parseKey(lines.map((line) => `${line}\n`).join(''), 'test').keyId).toBe(
    '3b8f29d7c56fc3dacee86437bdbac07c975ce0b6075cf35b75903ad1b2ec3c39',
  );
});

it('one key in two forms under two ids is refused', () => {
  const key = ecdsaKey();
  const pem = key.key.keyVal.public ?? '';
  const { x = '', y = '' } = createPublicKey(pem).export({ format: 'jwk' });
  const point = Buffer.concat([Buffer.of(4), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]);
  const compressed = ECDH.convertKey(point, 'prime256v1', undefined, 'hex', 'compressed') as string;
  for (const other of [pem.trimEnd(), point.toString('hex'), compressed, point.toString('hex').toUpperCase()]) {
    expect(() => checkStructure('root', rootWith([pem, other], 'ecdsa', 'ecdsa-sha2-nistp256'))).toThrow(
      expect.objectContaining({ code: 'metadata-key-duplicated' }),
    );
  }
  const hex = 'ab'.repeat(32);
  expect(() => checkStructure('root', rootWith([hex, hex.toUpperCase()], 'ed25519', 'ed25519'))).toThrow(
    expect.objectContaining({ code: 'metadata-key-duplicated' }),
  );
});

function rootWith(publics: string[], keytype: string, scheme: string): Uint8Array {
  const keys = publics.map((text, at) => [`${at}`.repeat(64), { keytype, scheme, keyval: { public: text } }]);
  return canonicalJson({
    signed: { version: 1, expires: '2027-01-01T00:00:00Z', keys: Object.fromEntries(keys) },
    signatures: [],
  });
}
