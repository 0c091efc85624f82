import { createWriteStream, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type Header, pack } from 'tar-stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bundleIndexName } from '../../../contract/bundle.ts';
import { sha256 } from '../../../contract/digest.ts';
import { blobKey, manifestKey } from '../../../contract/store-keys.ts';
import { installBundle, noOtherSource } from '../../../edge-updater/bundle/install-bundle.ts';
import { OriginGuard } from '../../../edge-updater/trust/origin-guard.ts';
import { signedStatement } from '../../../packager/attachments/signed-statement.ts';
import { bytesOf, EdgeDevice, never } from '../../fakes/edge-device.ts';
import { newSigningKey } from '../../fakes/signed-repository.ts';

type Member = [string | (Partial<Header> & { name: string }), Uint8Array | string];

let edge: EdgeDevice;
let release: ReturnType<EdgeDevice['publish']>;
let members: Member[];

beforeEach(() => {
  edge = new EdgeDevice();
  release = edge.publish('1.0.0', 1, [
    { path: 'bin/server', bytes: bytesOf('s', 3000) },
    { path: 'data', bytes: bytesOf('d', 5000) },
  ]);
  const { version, platform, product } = release.manifest;
  const index = { schemaVersion: 1, product, platform, version, manifestSha256: release.digest };
  members = [
    [bundleIndexName, JSON.stringify(index)],
    ...[...edge.repository.files].map(([name, bytes]): Member => [`metadata/${name}`, bytes]),
    [manifestKey(release.digest), edge.server.manifests.get(release.digest) ?? ''],
    ...release.manifest.components.map(({ blobs: [blob] }): Member => {
      const digest = blob?.sha256 ?? '';
      return [blobKey(digest), edge.server.blobs.get(digest) ?? ''];
    }),
  ];
  edge.server.isDown = true;
});
afterEach(() => edge.remove());

const file = () => path.join(edge.folder, 'release.slipway');

async function write(list: readonly Member[]): Promise<void> {
  const tar = pack();
  for (const [name, content] of list) {
    tar.entry(typeof name === 'string' ? { name } : name, Buffer.from(content));
  }
  tar.finalize();
  await pipeline(tar, createWriteStream(file()));
}

async function install(origin?: OriginGuard) {
  const device = edge.start({ blobs: noOtherSource, ...(origin ? { origin } : {}) });
  await device.recover(never);
  return installBundle(device, file(), never, 3);
}

async function refused(code: string): Promise<void> {
  await expect(install()).rejects.toMatchObject({ code });
  expect(edge.slots.currentLink).toBeUndefined();
  expect(edge.slots.slots().size).toBe(0);
  expect(edge.start().state.update.phase).toBe('idle');
}

it('installs without a server, and counts no byte as moved over the network', async () => {
  await write(members);
  expect(await install()).toMatchObject({
    ...{ outcome: 'committed', source: { kind: 'bundle' }, transfer: { bytesOnWire: 0, resumedFrom: 0 } },
  });
  expect(edge.slots.currentLink).toBe(release.digest);
});

it('does not install the same counter again', async () => {
  await write(members);
  await install();
  await expect(install()).rejects.toMatchObject({ code: 'counter-not-greater' });
});

it('copies what is installed already, and needs no blob for it', async () => {
  await write(members);
  await install();
  const next = edge.publish('2.0.0', 2, [{ path: 'renamed', bytes: bytesOf('s', 3000) }]);
  const index = { ...JSON.parse(members[0]?.[1] as string), version: '2.0.0', manifestSha256: next.digest };
  await write([
    [bundleIndexName, JSON.stringify(index)],
    ...[...edge.repository.files].map(([name, bytes]): Member => [`metadata/${name}`, bytes]),
    [manifestKey(next.digest), edge.server.manifests.get(next.digest) ?? ''],
  ]);
  expect(await install()).toMatchObject({ version: '2.0.0', outcome: 'committed' });
});

describe('a bundle that was cut', () => {
  it('at any place is refused as truncated', async () => {
    await write(members);
    const bytes = readFileSync(file());
    for (let length = 0; length < bytes.length - 1; length += 509) {
      writeFileSync(file(), bytes.subarray(0, length));
      await refused('bundle-truncated');
    }
  });

  it('and closed again lacks its last blob', async () => {
    await write(members.slice(0, -1));
    await refused('blob-missing');
  });
});

describe('a bundle with', () => {
  const cases: [string, string, (list: Member[]) => Member[]][] = [
    ['a path that leads out', 'bundle-malformed', (list) => [...list, ['../../etc/passwd', 'x']]],
    [
      'a link',
      'bundle-malformed',
      (l) => [...l, [{ name: blobKey('a'.repeat(64)), type: 'symlink', linkname: '/' }, '']],
    ],
    ['a device node', 'bundle-malformed', (l) => [...l, [{ name: 'blobs', type: 'block-device' }, '']]],
    ['a second copy of a member', 'bundle-malformed', (list) => [...list, list.at(-1) as Member]],
    ['a second copy of its metadata', 'bundle-malformed', (l) => [...l.slice(0, 3), l[2] as Member, ...l.slice(3)]],
    ['its index not in front', 'bundle-malformed', (list) => list.slice(1)],
    ['an index that is no JSON', 'bundle-malformed', (list) => [[bundleIndexName, '{'], ...list.slice(1)]],
    ['metadata behind blobs', 'bundle-malformed', (list) => [...list, ['metadata/9.root.json', '{}']]],
    ['a blob that no manifest names', 'bundle-malformed', (list) => [...list, [blobKey('a'.repeat(64)), 'x']]],
    ['a longer blob', 'bundle-malformed', (l) => [...l.slice(0, -1), [l.at(-1)?.[0] as string, bytesOf('x', 9000)]]],
    ['a signed manifest under another name', 'target-unknown', (l) => replaceIndex(l, { version: '7.0.0' })],
    [
      'an index that names another manifest',
      'bundle-malformed',
      (l) => replaceIndex(l, { manifestSha256: 'a'.repeat(64) }),
    ],
    ['no timestamp', 'metadata-missing', (list) => list.filter(([name]) => name !== 'metadata/timestamp.json')],
  ];
  it.each(cases)('%s is refused: %s', async (_, code, change) => {
    await write(change(members));
    await refused(code);
  });

  it('a changed blob is refused: digest-mismatch', async () => {
    const [name, bytes] = members.at(-1) as [string, Uint8Array];
    const changed = Buffer.from(bytes);
    changed.writeUInt8(changed.readUInt8(9) ^ 1, 9);
    await write([...members.slice(0, -1), [name, changed]]);
    await refused('digest-mismatch');
  });

  it('expired metadata is refused: metadata-expired', async () => {
    await write(members);
    edge.clock.advance(100 * 24 * 3600);
    await refused('metadata-expired');
  });

  it('no tar in it is refused', async () => {
    writeFileSync(file(), Buffer.concat([bytesOf('noise', 5120), Buffer.alloc(1024)]));
    await refused('bundle-malformed');
  });
});

function replaceIndex(list: Member[], change: object): Member[] {
  return [[bundleIndexName, JSON.stringify({ ...JSON.parse(list[0]?.[1] as string), ...change })], ...list.slice(1)];
}

describe('a device that requires a statement', () => {
  const owner = newSigningKey();
  const guard = () => new OriginGuard({ sbom: false, upstream: false, provenance: [owner] });

  /** A release with a statement, and the members of its bundle without that. */
  function attested(): { readonly list: Member[]; readonly statement: Member } {
    const files = [{ path: 'bin/server', bytes: bytesOf('s', 3000) }];
    using scratch = new EdgeDevice();
    const bytes = signedStatement(scratch.publish('2.0.0', 2, files).manifest, '0'.repeat(64), {
      keys: [owner],
      builderId: 'https://ci.example.com',
    });
    const digest = sha256(bytes);
    const name = 'provenance.dsse.json';
    const attachment = {
      kind: 'provenance',
      name,
      mediaType: 'application/json',
      length: bytes.length,
      sha256: digest,
    } as const;
    const stated = { schemaVersion: 3 as const, minUpdaterVersion: '0.2.0', attachments: [attachment] };
    const next = edge.publish('2.0.0', 2, files, undefined, stated);
    const index = { ...JSON.parse(members[0]?.[1] as string), version: '2.0.0', manifestSha256: next.digest };
    const list: Member[] = [
      [bundleIndexName, JSON.stringify(index)],
      ...[...edge.repository.files].map(([file, content]): Member => [`metadata/${file}`, content]),
      [manifestKey(next.digest), edge.server.manifests.get(next.digest) ?? ''],
      ...next.manifest.components.map(({ blobs: [blob] }): Member => {
        return [blobKey(blob?.sha256 ?? ''), edge.server.blobs.get(blob?.sha256 ?? '') ?? ''];
      }),
    ];
    return { list, statement: [blobKey(digest), bytes] };
  }

  it('takes a bundle that carries it', async () => {
    const { list, statement } = attested();
    await write([...list, statement]);
    expect(await install(guard())).toMatchObject({ outcome: 'committed', version: '2.0.0' });
  });

  it('refuses a bundle that was made without it, and says how one is made', async () => {
    await write(attested().list);
    await expect(install(guard())).rejects.toMatchObject({
      code: 'provenance-missing',
      hint: expect.stringContaining('slipway-packager bundle --attachments'),
    });
    expect(edge.slots.currentLink).toBeUndefined();
  });

  it('refuses a bundle whose statement was exchanged', async () => {
    const { list, statement } = attested();
    const other = Buffer.from(statement[1]);
    other[other.length - 5] = (other[other.length - 5] ?? 0) ^ 1;
    await write([...list, [statement[0], other]]);
    await expect(install(guard())).rejects.toMatchObject({ code: 'digest-mismatch' });
  });

  it('is not needed: any other installs a bundle with or without it', async () => {
    const { list, statement } = attested();
    await write([...list, statement]);
    expect(await install()).toMatchObject({ outcome: 'committed', version: '2.0.0' });
  });
});
