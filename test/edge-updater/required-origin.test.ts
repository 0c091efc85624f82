/** A device that requires an SBOM, a check of upstream or a statement of provenance, on real files. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Digest, sha256 } from '../../contract/digest.ts';
import { SlipwayError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import type { Attachment } from '../../contract/release/attachment.ts';
import type { ReleaseManifest } from '../../contract/release/manifest.ts';
import { type StatedRelease, statementPayloadType } from '../../contract/release/provenance.ts';
import { preAuthEncoding } from '../../contract/trust/dsse.ts';
import { OriginGuard, type RequiredOrigin } from '../../edge-updater/trust/origin-guard.ts';
import { signedStatement } from '../../packager/attachments/signed-statement.ts';
import { bytesOf, EdgeDevice, never } from '../fakes/edge-device.ts';
import { newSigningKey } from '../fakes/signed-repository.ts';

const owner = newSigningKey();
const stranger = newSigningKey();
const noEnvelope = Buffer.from('{"signed": true}');
const nothing: RequiredOrigin = { sbom: false, upstream: false, provenance: [] };

let edge: EdgeDevice;
beforeEach(() => {
  edge = new EdgeDevice();
});
afterEach(() => edge.remove());

const files = (version: string) => [
  { path: 'bin', bytes: bytesOf(version, 4000) },
  { path: 'packed', bytes: bytesOf(`packed ${version}`, 4000) },
];

type Beside = readonly { readonly kind: Attachment['kind']; readonly bytes: Uint8Array }[];

/** As it is before documents are put beside it. */
function plainRelease(version: string, counter: number): ReleaseManifest {
  using scratch = new EdgeDevice();
  return scratch.publish(version, counter, files(version)).manifest;
}

/** Publishes a release with documents beside it, and offers it. */
function offer(
  version: string,
  counter: number,
  beside: (release: ReleaseManifest) => Beside,
  upstream: ReleaseManifest['upstream'] = undefined,
) {
  const attachments = beside(plainRelease(version, counter)).map(({ kind, bytes }, index): Attachment => {
    edge.server.blobs.set(sha256(bytes), bytes);
    const mediaType = 'application/json';
    return { kind, name: `${index}.json`, mediaType, length: bytes.length, sha256: sha256(bytes) };
  });
  const added = { ...(attachments.length === 0 ? {} : { attachments }), ...(upstream ? { upstream } : {}) };
  const stated = { schemaVersion: 3, minUpdaterVersion: '0.2.0', ...added } as const;
  const isNew = Object.keys(added).length > 0;
  edge.server.offered = edge.publish(version, counter, files(version), undefined, isNew ? stated : {}).manifest;
}

function statement(release: StatedRelease, key = owner, builderId = 'https://ci.example.com/slipway'): Uint8Array {
  return signedStatement(release, '0'.repeat(64), { keys: [key], builderId });
}

/** The release of before, with one member of it changed. */
const statedAs = (change: (release: ReleaseManifest) => Partial<ReleaseManifest>) => (release: ReleaseManifest) => {
  return [{ kind: 'provenance', bytes: statement({ ...release, ...change(release) }) }] as const;
};

async function check(required: RequiredOrigin) {
  const device = edge.start({ origin: new OriginGuard(required) });
  await device.recover(never);
  const outcome = await device.check(never).then(
    ({ attempt }) => attempt?.outcome,
    (error: unknown) => (error as { code?: string }).code,
  );
  return { device, outcome };
}

/** The path to one document is broken. */
function keepBack(digest: Digest): void {
  const { server } = edge;
  const attachment = server.attachment.bind(server);
  server.attachment = async (asked) => {
    if (asked === digest) throw new SlipwayError('server-unreachable', 'the document does not come');
    return attachment(asked);
  };
}

const blobsAsked = () => edge.server.blobsAsked.length;

describe('a device', () => {
  it('that requires nothing takes a release with documents, and fetches none of them', async () => {
    offer('2.0.0', 2, (release) => [{ kind: 'provenance', bytes: statement(release) }]);
    const device = edge.start();
    await device.recover(never);
    expect((await device.check(never)).attempt).toMatchObject({ outcome: 'committed' });
    expect(edge.server.attachmentsAsked).toEqual([]);
    expect(edge.server.blobsAsked).not.toContain(edge.server.offered?.attachments?.[0]?.sha256);
  });

  it('takes a release whose statement the owner signed', async () => {
    offer('2.0.0', 2, (release) => [{ kind: 'provenance', bytes: statement(release) }]);
    expect((await check({ ...nothing, provenance: [stranger, owner] })).outcome).toBe('committed');
    expect(edge.server.attachmentsAsked).toHaveLength(1);
  });

  it.each<[string, (release: ReleaseManifest) => Uint8Array]>([
    ['is no envelope', () => noEnvelope],
    ['is of another predicate', (release) => statementOfScan(release)],
    ['a stranger signed', (release) => statement(release, stranger)],
    ['is of another version', (release) => statement({ ...release, version: '1.0.0' })],
    ['is too long', () => Buffer.alloc(limits.maxStatementBytes + 1, ' ')],
  ])('takes a release with one good statement, whatever lies beside it: one that %s', async (_what, other) => {
    const sides = [(release: ReleaseManifest) => [other(release), statement(release)]];
    sides.push((release) => [statement(release), other(release)]);
    for (const [index, both] of sides.entries()) {
      offer(`${index + 2}.0.0`, index + 2, (release) => both(release).map((bytes) => ({ kind: 'provenance', bytes })));
      expect((await check({ ...nothing, provenance: [owner] })).outcome).toBe('committed');
    }
  });

  it.each<[string, (first: Digest) => void]>([
    ['is gone', (first) => edge.server.blobs.delete(first)],
    ['was exchanged', (first) => edge.server.blobs.set(first, Buffer.from('other'))],
    ['does not come', (first) => keepBack(first)],
  ])('takes a release whose first statement %s, and whose second is good', async (_what, spoil) => {
    offer('2.0.0', 2, (release) => [noEnvelope, statement(release)].map((bytes) => ({ kind: 'provenance', bytes })));
    spoil(edge.server.offered?.attachments?.[0]?.sha256 ?? '');
    expect((await check({ ...nothing, provenance: [owner] })).outcome).toBe('committed');
  });

  it('blames the way where a statement that may be the good one does not come', async () => {
    offer('2.0.0', 2, (release) => [noEnvelope, statement(release)].map((bytes) => ({ kind: 'provenance', bytes })));
    keepBack(edge.server.offered?.attachments?.[1]?.sha256 ?? '');
    expect((await check({ ...nothing, provenance: [owner] })).outcome).toBe('server-unreachable');
  });

  it('takes a release with an SBOM and a check of upstream where it requires these', async () => {
    const list = Buffer.from('a list');
    const checked = [{ component: 'part-0', checksums: { document: sha256(list), name: 'bin' } }];
    const beside: Beside = [
      { kind: 'sbom', bytes: Buffer.from('{}') },
      { kind: 'checksums', bytes: list },
    ];
    offer('2.0.0', 2, () => beside, checked);
    expect((await check({ ...nothing, sbom: true, upstream: true })).outcome).toBe('committed');
    expect(edge.server.attachmentsAsked).toEqual([]);
  });

  const refused: [string, Partial<RequiredOrigin>, (release: ReleaseManifest) => Beside, string][] = [
    ['without an SBOM', { sbom: true }, () => [], 'provenance-missing'],
    ['without a check of upstream', { upstream: true }, () => [], 'provenance-missing'],
    ['without a statement', { provenance: [owner] }, () => [], 'provenance-missing'],
    [
      'whose statement a stranger signed',
      { provenance: [owner] },
      (release) => [{ kind: 'provenance', bytes: statement(release, stranger) }],
      'provenance-invalid',
    ],
    [
      'whose statement is of other files',
      { provenance: [owner] },
      statedAs(({ components }) => ({ components: components.map((each) => ({ ...each, sha256: '1'.repeat(64) })) })),
      'provenance-invalid',
    ],
    [
      'whose statement is about one of its files alone',
      { provenance: [owner] },
      statedAs(({ components }) => ({ components: components.slice(0, 1) })),
      'provenance-invalid',
    ],
    [
      'whose files were stated under an older version',
      { provenance: [owner] },
      statedAs(() => ({ version: '1.0.0', counter: 1 })),
      'provenance-invalid',
    ],
    [
      'whose files are of another product',
      { provenance: [owner] },
      statedAs(() => ({ product: 'other' })),
      'provenance-invalid',
    ],
    [
      'whose files were stated with another mode',
      { provenance: [owner] },
      statedAs(({ components }) => ({ components: components.map((each) => ({ ...each, mode: '0755' })) })),
      'provenance-invalid',
    ],
    [
      'whose floors were left out',
      { provenance: [owner] },
      statedAs(() => ({ floors: ['1.5.0'] })),
      'provenance-invalid',
    ],
    [
      'that got another SBOM than was stated',
      { provenance: [owner], sbom: true },
      (release) => [
        { kind: 'sbom', bytes: Buffer.from('{"exchanged": true}') },
        { kind: 'provenance', bytes: statement(release) },
      ],
      'provenance-invalid',
    ],
    [
      'whose statement the owner signed as something else',
      { provenance: [owner] },
      (release) => [{ kind: 'provenance', bytes: signedAs('text/plain', release) }],
      'provenance-invalid',
    ],
    [
      'whose statement is no envelope',
      { provenance: [owner] },
      () => [{ kind: 'provenance', bytes: noEnvelope }],
      'provenance-invalid',
    ],
    [
      'of whose statements none is good',
      { provenance: [owner] },
      (release) => [
        { kind: 'provenance', bytes: noEnvelope },
        { kind: 'provenance', bytes: statement(release, stranger) },
        { kind: 'provenance', bytes: Buffer.from('no JSON') },
      ],
      'provenance-invalid',
    ],
  ];

  it.each(refused)('refuses a release %s before its bytes are moved', async (_what, required, beside, code) => {
    offer('2.0.0', 2, beside);
    const { device, outcome } = await check({ ...nothing, ...required });
    expect(outcome).toBe(code);
    expect(blobsAsked()).toBe(0);
    expect(device.state).toMatchObject({ rejected: [], held: [], update: { phase: 'idle' } });
    expect([...edge.server.reports.values()].at(-1)).toMatchObject({ outcome: 'failed', code, fault: 'device' });
    await device.check(never).catch(() => undefined);
    expect(edge.server.checks.at(-1)?.rejected).toEqual([]);
  });

  it('refuses a statement that was exchanged on the way, and blames the way', async () => {
    offer('2.0.0', 2, (release) => [{ kind: 'provenance', bytes: statement(release) }]);
    const [attached] = edge.server.offered?.attachments ?? [];
    // The owner signed it, too, and the manifest names another one.
    const others = statement(plainRelease('2.0.0', 2), owner, 'https://ci.example.com/other');
    edge.server.blobs.set(attached?.sha256 ?? '', others);
    expect((await check({ ...nothing, provenance: [owner] })).outcome).toBe('digest-mismatch');
    expect([...edge.server.reports.values()].at(-1)).toMatchObject({ fault: 'path' });
  });

  it('takes the next release that has what it requires', async () => {
    offer('2.0.0', 2, () => []);
    const { device } = await check({ ...nothing, provenance: [owner] });
    offer('3.0.0', 3, (release) => [{ kind: 'provenance', bytes: statement(release) }]);
    expect((await device.check(never)).attempt).toMatchObject({ outcome: 'committed', version: '3.0.0' });
  });

  it('goes by the key and not by the id that an envelope names', async () => {
    offer('2.0.0', 2, (release) => [{ kind: 'provenance', bytes: statement(release) }]);
    const forged = { keyId: owner.keyId, key: stranger.key };
    expect((await check({ ...nothing, provenance: [forged] })).outcome).toBe('provenance-invalid');
  });
});

/** Signed by the owner, about these files, and no word on who built them. */
function statementOfScan(release: ReleaseManifest): Uint8Array {
  const envelope = JSON.parse(Buffer.from(statement(release)).toString());
  const said = JSON.parse(Buffer.from(envelope.payload, 'base64').toString());
  const payload = Buffer.from(JSON.stringify({ ...said, predicateType: 'https://example.com/scan' }));
  const sig = Buffer.from(owner.sign(preAuthEncoding(envelope.payloadType, payload)).sig, 'hex').toString('base64');
  return Buffer.from(JSON.stringify({ ...envelope, payload: payload.toString('base64'), signatures: [{ sig }] }));
}

/** The same bytes, signed under another type of payload. */
function signedAs(payloadType: string, release: ReleaseManifest): Uint8Array {
  const envelope = JSON.parse(Buffer.from(statement(release)).toString());
  expect(envelope.payloadType).toBe(statementPayloadType);
  return Buffer.from(JSON.stringify({ ...envelope, payloadType }));
}
