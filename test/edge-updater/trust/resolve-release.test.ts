/** Trust on a device: attacks are refused by code and leave the trusted set as it was; a damaged set heals. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { targetPath } from '../../../contract/release/manifest.ts';
import { MetadataDirectory } from '../../../edge-updater/adapters/disk/metadata-directory.ts';
import { resolveRelease } from '../../../edge-updater/trust/resolve-release.ts';
import { bytesOf, EdgeDevice } from '../../fakes/edge-device.ts';
import { product, SignedRepository } from '../../fakes/signed-repository.ts';

const day = 24 * 3600;
const files = [{ path: 'bin/server', bytes: bytesOf('a', 100) }];

let edge: EdgeDevice;
let first: ReturnType<EdgeDevice['publish']>;
let buildTime: number;

beforeEach(() => {
  edge = new EdgeDevice();
  buildTime = 0;
  first = edge.publish('1.0.0', 1, files);
});
afterEach(() => edge.remove());

const store = () => new MetadataDirectory(edge.stateDirectory, edge.rootFile, buildTime);

function resolve(now = edge.clock.now(), release = first.manifest) {
  const { server } = edge;
  const manifest = (digest: string) => server.manifest(digest);
  const source = { metadata: edge.repository.fetch, manifest, attachment: async () => undefined };
  return resolveRelease(targetPath(release), source, store(), now);
}

const kept = () => {
  const { documents, timeFloor } = store().load();
  return JSON.stringify([timeFloor, [...documents].map(([role, bytes]) => [role, Buffer.from(bytes).toString('hex')])]);
};

async function refused(code: string, now?: number): Promise<void> {
  const before = kept();
  await expect(resolve(now)).rejects.toMatchObject({ code });
  expect(kept()).toBe(before);
}

it('resolves a release that the pinned root vouches for and keeps the whole set', async () => {
  expect(await resolve()).toMatchObject({ manifestSha256: first.digest, custom: { counter: 1 } });
  expect([...store().load().documents.keys()].sort()).toEqual([product, 'root', 'snapshot', 'targets', 'timestamp']);
});

it('names a target that no role lists, and keeps the new set', async () => {
  const unknown = { ...first.manifest, version: '9.9.9' };
  await expect(resolve(undefined, unknown)).rejects.toMatchObject({ code: 'target-unknown' });
  expect(store().load().documents.has('timestamp')).toBe(true);
});

describe('an attack', () => {
  beforeEach(async () => {
    await resolve();
  });

  it('with older metadata is seen as a rollback', async () => {
    const old = edge.repository.capture();
    edge.publish('2.0.0', 2, files);
    await resolve();
    edge.repository.restore(old);
    await refused('metadata-rolled-back');
  });

  it('that freezes the metadata is seen once it expires, also on a clock that was set back', async () => {
    await refused('metadata-expired', edge.clock.now() + 2 * day * 1000);
    edge.repository.publish(new Date(edge.clock.now() + 30 * day * 1000));
    const later = edge.clock.now() + 30 * day * 1000 + 1000;
    await resolve(later);
    expect(store().load().timeFloor).toBe(later);
    // 1970: by its clock nothing has expired; what this device accepted before says otherwise.
    const stale = new SignedRepository(new Date(0));
    edge.repository.files.set('timestamp.json', stale.files.get('timestamp.json') as Uint8Array);
    await refused('metadata-signature-invalid', 0);
    edge.repository.publish(new Date(edge.clock.now()));
    await refused('metadata-expired', 0);
  });

  it('that mixes documents of two states is refused', async () => {
    const old = edge.repository.capture();
    edge.publish('2.0.0', 2, files);
    const role = `${edge.repository.version}.${product}.json`;
    edge.repository.files.set(role, old.get(`${edge.repository.version - 1}.${product}.json`) as Uint8Array);
    await refused('metadata-mismatched');
  });

  it('with a wrong key is refused', async () => {
    const stranger = new SignedRepository(new Date(edge.clock.now()));
    for (let version = 0; version < 5; version++) stranger.publish(new Date(edge.clock.now()), first.manifest);
    edge.repository.files.set('timestamp.json', stranger.files.get('timestamp.json') as Uint8Array);
    await refused('metadata-signature-invalid');
  });

  it('with a changed manifest is refused', async () => {
    const bytes = Buffer.from(edge.server.manifests.get(first.digest) as Uint8Array);
    edge.server.manifests.set(first.digest, Buffer.from(bytes.toString().replace('"counter":1', '"counter":9')));
    await expect(resolve()).rejects.toMatchObject({ code: 'digest-mismatch' });
    edge.server.manifests.set(first.digest, Buffer.concat([bytes, Buffer.from(' ')]));
    await expect(resolve()).rejects.toMatchObject({ code: 'length-mismatch' });
    edge.server.manifests.delete(first.digest);
    await expect(resolve()).rejects.toMatchObject({ code: 'blob-missing' });
  });
});

it('believes no clock before the time the program was made', async () => {
  buildTime = edge.clock.now() + 2 * day * 1000;
  await expect(resolve(0)).rejects.toMatchObject({ code: 'metadata-expired' });
});

describe('the trusted set on the disk', () => {
  const newest = () => {
    const folder = path.join(edge.stateDirectory, 'metadata');
    return readdirSync(folder)
      .filter((name) => /\.[ab]$/.test(name))
      .map((name) => path.join(folder, name))
      .sort((a, b) => readFileSync(b).length - readFileSync(a).length);
  };

  it('torn at any byte heals from the one before it', async () => {
    await resolve();
    const before = kept();
    edge.publish('2.0.0', 2, files);
    await resolve();
    const [torn = ''] = newest();
    const bytes = readFileSync(torn);
    for (let length = 0; length < bytes.length; length += 97) {
      writeFileSync(torn, bytes.subarray(0, length));
      expect(kept(), `torn at ${length}`).toBe(before);
    }
    await resolve();
  });

  it('lost altogether starts again from the pinned root', async () => {
    await resolve();
    for (const file of newest()) writeFileSync(file, 'nonsense');
    expect([...store().load().documents.keys()]).toEqual(['root']);
    await resolve();
  });

  it('without a pinned root says where it should be', () => {
    rmSync(edge.rootFile);
    expect(() => store().load()).toThrow(expect.objectContaining({ code: 'trust-store-corrupt' }));
  });
});
