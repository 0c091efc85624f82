/** What a release says about where it is from, as older peers and this one read it. */
import { describe, expect, it } from 'vitest';
import { SlipwayError } from '../../../contract/errors.ts';
import { mayInstall } from '../../../contract/release/acceptance.ts';
import type { Attachment } from '../../../contract/release/attachment.ts';
import { decodeManifest, encodeManifest, type ReleaseManifest } from '../../../contract/release/manifest.ts';
import { lackingOrigin, originOf } from '../../../contract/release/origin.ts';
import { isAbout, readStatement, statementOf, statementPayloadType } from '../../../contract/release/provenance.ts';
import { preAuthEncoding, signersOfEnvelope } from '../../../contract/trust/dsse.ts';
import { generateKeyPair, isSigningKey, parseKey } from '../../../system/signing/signing-key.ts';
import { newSigningKey, smallRelease } from '../../fakes/signed-repository.ts';

const plain = smallRelease('1.0.0', 1);
const name = plain.components[0]?.name ?? '';
const digest = (letter: string) => letter.repeat(64);
const attachment = (kind: Attachment['kind'], letter: string): Attachment => {
  return { kind, name: `${kind}.json`, mediaType: 'application/json', length: 10, sha256: digest(letter) };
};
const documents = [attachment('checksums', 'a'), attachment('cosign-bundle', 'b'), attachment('sbom', 'c')];
const signature = {
  bundle: digest('b'),
  signs: 'checksums',
  identity: 'https://github.com/k3s-io',
  issuer: 'https://x',
} as const;
const check = { component: name, checksums: { document: digest('a'), name: 'k3s' }, signature };
const attested: ReleaseManifest = {
  ...{ ...plain, schemaVersion: 3, minUpdaterVersion: '0.2.0' },
  ...{ attachments: documents, upstream: [check] },
};

function codeOf(value: object): string {
  try {
    decodeManifest(new TextEncoder().encode(JSON.stringify(value)));
    return 'accepted';
  } catch (error) {
    return error instanceof SlipwayError ? error.code : String(error);
  }
}

/** How an updater that knows some schema versions begins: the version is looked at before all else. */
function decodedBy(known: readonly number[], bytes: Uint8Array): string {
  const { schemaVersion } = JSON.parse(new TextDecoder().decode(bytes));
  return known.includes(schemaVersion) ? 'looked at further' : 'manifest-schema-unknown';
}

describe('a release with attachments', () => {
  it('survives being written and read', () => {
    expect(decodeManifest(encodeManifest(attested).bytes)).toEqual(attested);
    const byKey = { bundle: digest('b'), signs: 'component', key: digest('d') } as const;
    const signed = { ...attested, upstream: [{ component: name, signature: byKey }] };
    expect(decodeManifest(encodeManifest(signed).bytes)).toEqual(signed);
  });

  it('is told from damage by updaters of before, which are offered none', () => {
    const { bytes } = encodeManifest(attested);
    expect([decodedBy([1], bytes), decodedBy([1, 2], bytes)]).toEqual(Array(2).fill('manifest-schema-unknown'));
    const device = { platform: plain.platform, current: undefined, counterFloor: 0, knows: false, rejects: false };
    expect(mayInstall(attested, { ...device, updaterVersion: '0.1.0' })).toEqual({ rule: 'updater', needed: '0.2.0' });
    expect(mayInstall(attested, { ...device, updaterVersion: '0.2.0' })).toBeUndefined();
  });

  it('is written as before where it says nothing new', () => {
    const { bytes } = encodeManifest(plain);
    expect(decodedBy([1], bytes)).toBe('looked at further');
    expect(codeOf({ ...plain, schemaVersion: 3, minUpdaterVersion: '0.2.0' })).toBe('manifest-malformed');
  });

  it.each<[string, object]>([
    ['under an earlier schema version', { schemaVersion: 2 }],
    ['without an updater that reads it', { minUpdaterVersion: undefined }],
    ['with an empty list', { attachments: [] }],
    ['that names a document twice', { attachments: [...documents, { ...documents[0], name: 'again' }] }],
    ['with a path for a name', { attachments: [...documents, { ...attachment('sbom', 'd'), name: '../x' }] }],
    ['with a hidden name', { attachments: [...documents, { ...attachment('sbom', 'd'), name: '.x' }] }],
    ['with a media type that is none', { attachments: [...documents, { ...attachment('sbom', 'd'), mediaType: 'x' }] }],
    ['of a kind that nobody knows', { attachments: [...documents, { ...attachment('sbom', 'd'), kind: 'x' }] }],
    ['longer than any', { attachments: [...documents, { ...attachment('sbom', 'd'), length: 2 ** 27 }] }],
    ['that checked a component that there is not', { upstream: [{ ...check, component: 'other' }] }],
    ['that checked a component twice', { upstream: [check, check] }],
    [
      'checked by a list that is not attached',
      { upstream: [{ ...check, checksums: { document: digest('c'), name: 'k3s' } }] },
    ],
    [
      'signed by a bundle that is not attached',
      { upstream: [{ ...check, signature: { ...signature, bundle: digest('a') } }] },
    ],
    ['checked by nothing', { upstream: [{ component: name }] }],
    ['whose list is signed and not named', { upstream: [{ component: name, signature }] }],
    ['signed by a key and an identity', { upstream: [{ ...check, signature: { ...signature, key: digest('d') } }] }],
  ])('is refused: one %s', (_what, change) => {
    expect(codeOf({ ...attested, ...change })).toBe('manifest-malformed');
  });
});

describe('where a release is from', () => {
  it('is what it brings along', () => {
    expect(originOf(plain)).toEqual([]);
    expect(originOf(attested)).toEqual(['sbom', 'upstream']);
    expect(lackingOrigin(['provenance', 'sbom'], originOf(attested))).toEqual(['provenance']);
    expect(lackingOrigin([], [])).toEqual([]);
  });

  it('is not upstream while the K3s or K0s inside was not compared', () => {
    const distribution = (component: string) => ({ ...attested, distribution: { component } });
    expect(originOf(distribution(name))).toContain('upstream');
    expect(originOf(distribution('other'))).not.toContain('upstream');
  });
});

describe('a signed statement', () => {
  const statement = statementOf({
    ...{ release: plain, dependencies: [], builderId: 'https://ci.example.com', builderVersion: '0.2.0' },
  });
  const payload = Buffer.from(JSON.stringify(statement));
  const ecdsa = parseKey(generateKeyPair('ecdsa-p256').privatePem, 'a key');
  const keys = [newSigningKey(), ...(isSigningKey(ecdsa) ? [ecdsa] : [])];
  const envelope = (type = statementPayloadType, content = payload) => ({
    payloadType: type,
    payload: content.toString('base64'),
    signatures: keys.map((key) => ({
      keyid: 'a hint',
      sig: Buffer.from(key.sign(preAuthEncoding(type, content)).sig, 'hex').toString('base64'),
    })),
  });
  const bytesOf = (value: object) => Buffer.from(JSON.stringify(value));

  it('is encoded before it is signed as DSSE says', () => {
    // The example of the specification (protocol.md of secure-systems-lab/dsse).
    const encoded = preAuthEncoding('http://example.com/HelloWorld', Buffer.from('hello world'));
    expect(Buffer.from(encoded).toString()).toBe('DSSEv1 29 http://example.com/HelloWorld 11 hello world');
  });

  it('holds for the keys that signed it, of whatever type', () => {
    const read = readStatement(bytesOf(envelope()));
    expect(read.statement).toEqual(statement);
    expect(signersOfEnvelope(read.envelope, [...keys, newSigningKey()])).toEqual(keys);
    expect(isAbout(read.statement, plain)).toBe(true);
    expect(isAbout(read.statement, { ...plain, version: '1.0.1' })).toBe(false);
    expect(isAbout(read.statement, attested)).toBe(false);
  });

  it('holds for nobody once a bit of it is another', () => {
    const changed = Buffer.from(payload);
    changed[changed.length - 3] = (changed[changed.length - 3] ?? 0) ^ 1;
    const { signatures } = envelope();
    const read = { ...envelope(), payload: changed.toString('base64'), signatures };
    expect(signersOfEnvelope(read, keys)).toEqual([]);
    expect(signersOfEnvelope({ ...envelope(), payloadType: 'text/plain' }, keys)).toEqual([]);
  });

  it.each<[string, object]>([
    ['of another type', envelope('text/plain')],
    ['without a signature', { ...envelope(), signatures: [] }],
    ['that is no Base64', { ...envelope(), payload: '***' }],
    ['of another predicate', envelope(undefined, bytesOf({ ...statement, predicateType: 'https://x' }))],
    ['about nothing', envelope(undefined, bytesOf({ ...statement, subject: [] }))],
    ['that is no JSON', envelope(undefined, Buffer.from('x'))],
  ])('is refused: one %s', (_what, value) => {
    expect(() => readStatement(bytesOf(value))).toThrow(expect.objectContaining({ code: 'provenance-invalid' }));
  });
});
