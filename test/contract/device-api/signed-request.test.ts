import { describe, expect, it } from 'vitest';
import { isSignedBy, signatureBase, verifyEd25519 } from '../../../contract/device-api/signed-request.ts';
import { signingKey } from '../../fakes/signing-key.ts';

it('is verified as appendix B.2.6 of RFC 9421 has it', () => {
  const parameters =
    '("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519"';
  const base = signatureBase(
    [
      ['date', 'Tue, 20 Apr 2021 02:07:55 GMT'],
      ['@method', 'POST'],
      ['@path', '/foo'],
      ['@authority', 'example.com'],
      ['content-type', 'application/json'],
      ['content-length', '18'],
    ],
    parameters,
  );
  const key = 'JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs';
  const signature = 'wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==';
  const holds = (text: string) => verifyEd25519(key, Buffer.from(text), Buffer.from(signature, 'base64'));
  expect([holds(base), holds(base.replace('/foo', '/fox'))]).toEqual([true, false]);
});

describe('a signed request', () => {
  const [key, other] = [signingKey(), signingKey()];
  const body = { schemaVersion: 1 };
  const request = { method: 'POST', path: '/v1/devices/a/session', body: Buffer.from(JSON.stringify(body)) };
  const fields = key.fields('POST', request.path, body, 1_700_000_000_000);

  it('holds for its key', () => {
    expect(isSignedBy(key.publicKey, request, fields)).toBe(true);
  });

  it.each([
    ['another key', other.publicKey, request, fields],
    ['another path', key.publicKey, { ...request, path: '/v1/devices/b/session' }, fields],
    ['another method', key.publicKey, { ...request, method: 'PUT' }, fields],
    ['another body', key.publicKey, { ...request, body: Buffer.from('{}') }, fields],
    ['another digest', key.publicKey, request, { ...fields, 'content-digest': 'sha-256=:AAAA:' }],
    ['no fields', key.publicKey, request, {}],
    [
      'another time',
      key.publicKey,
      request,
      { ...fields, 'signature-input': fields['signature-input'].replace('=1700000000', '=1700000001') },
    ],
    [
      'the time in another form',
      key.publicKey,
      request,
      { ...fields, 'signature-input': fields['signature-input'].replace('=1700000000', '=01700000000') },
    ],
    [
      'fewer components',
      key.publicKey,
      request,
      { ...fields, 'signature-input': fields['signature-input'].replace(' "content-digest"', '') },
    ],
  ] as const)('does not hold for %s', (_what, publicKey, asked, given) => {
    expect(isSignedBy(publicKey, asked, given)).toBe(false);
  });
});
