import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { sha256 } from '../../../contract/digest.ts';
import { encodeManifest } from '../../../contract/release/manifest.ts';
import { manifestKey } from '../../../contract/store-keys.ts';
import { Catalog } from '../../../distributor/catalog/catalog.ts';
import { type Release, ReleaseIndex } from '../../../distributor/catalog/releases.ts';
import { directoryReader } from '../../../system/store/directory-reader.ts';
import { SignedRepository, smallRelease } from '../../fakes/signed-repository.ts';
import { SmallFleet } from '../../fakes/small-fleet.ts';

const storeFile = (small: SmallFleet, key: string) => path.join(small.folder, 'store', key);
const versionsOf = (catalog: Catalog) => catalog.state.releases.all().map(({ version }) => version);

describe('the catalog', () => {
  it('knows the releases that the signed metadata names', async () => {
    await using small = await SmallFleet.open();
    const release = { ...smallRelease('1.0.0', 7), floors: ['0.9.0'], minUpdaterVersion: '0.2.0' };
    await small.publish(release, ['stable']);
    expect(small.catalog.state.releases.all()).toEqual([
      {
        product: 'k3s-edge',
        platform: 'linux/amd64',
        version: '1.0.0',
        counter: 7,
        channels: ['stable'],
        floors: ['0.9.0'],
        minUpdaterVersion: '0.2.0',
        origin: [],
        manifestSha256: encodeManifest(release).sha256,
        maxTransferBytes: release.components.reduce((sum, { blobs }) => sum + (blobs[0]?.length ?? 0), 0),
        targetPath: 'k3s-edge/linux-amd64/1.0.0/release.json',
      },
    ]);
  });

  it('knows the K3s inside a release that states it', async () => {
    await using small = await SmallFleet.open();
    const distribution = { name: 'k3s', version: '1.33.9+k3s1', component: 'server' } as const;
    await small.publish(
      { ...smallRelease('1.0.0', 7), schemaVersion: 2, minUpdaterVersion: '0.2.0', distribution },
      [],
    );
    const [release] = small.catalog.state.releases.all();
    expect(release).toMatchObject({ minUpdaterVersion: '0.2.0', distribution: { version: '1.33.9+k3s1' } });
  });

  it('of 2,000 releases reads what is new and no other release when it is read again', async () => {
    const now = new Date();
    const repository = new SignedRepository(now);
    const manifests = new Map<string, Uint8Array>();
    const releases = Array.from({ length: 2000 }, (_, i) => smallRelease(`1.0.${i}`, i + 1));
    for (const release of releases) {
      const { bytes, sha256: digest } = encodeManifest(release);
      manifests.set(manifestKey(digest), bytes);
    }
    repository.publishAll(now, releases);
    const asked: string[] = [];
    const catalog = new Catalog({
      ...directoryReader('/nowhere'),
      readWhole: async (key) => {
        asked.push(key);
        const bytes = manifests.get(key) ?? repository.files.get(key.replace('metadata/', ''));
        return bytes && { bytes, etag: sha256(bytes) };
      },
    });
    await catalog.refresh(now);
    expect(catalog.state).toMatchObject({ problem: undefined, skipped: [] });
    expect(catalog.state.releases.size).toBe(2000);
    repository.publish(now, smallRelease('2.0.0', 2001));
    manifests.set(
      manifestKey(encodeManifest(smallRelease('2.0.0', 2001)).sha256),
      encodeManifest(smallRelease('2.0.0', 2001)).bytes,
    );
    asked.length = 0;
    await catalog.refresh(now);
    expect(catalog.state.releases.size).toBe(2001);
    const manifest = manifestKey(encodeManifest(smallRelease('2.0.0', 2001)).sha256);
    expect(asked.filter((key) => !key.startsWith('metadata/'))).toEqual([manifest]);
  });

  it('reads nothing but the timestamp while that stays the same', async () => {
    await using small = await SmallFleet.open();
    const asked: string[] = [];
    const store = directoryReader(path.join(small.folder, 'store'));
    const catalog = new Catalog({
      ...store,
      readWhole: (key, maxBytes) => {
        asked.push(key);
        return store.readWhole(key, maxBytes);
      },
    });
    expect(await catalog.refresh(new Date(small.now))).toBe(true);
    asked.length = 0;
    expect(await catalog.refresh(new Date(small.now))).toBe(false);
    expect(asked).toEqual(['metadata/timestamp.json']);
    await small.publish(smallRelease('1.0.0', 1));
    expect(await catalog.refresh(new Date(small.now))).toBe(true);
    expect(versionsOf(catalog)).toEqual(['1.0.0']);
  });

  it.each([
    ['changed after it was signed', 'metadata/2.k3s-edge.json', 'metadata-mismatched'],
    ['missing', 'metadata/2.snapshot.json', 'metadata-missing'],
  ])('keeps what it knows when metadata is %s', async (how, key, code) => {
    await using small = await SmallFleet.open();
    const before = small.repository.capture();
    await small.publish(smallRelease('1.0.0', 1));
    const fresh = new Catalog(directoryReader(path.join(small.folder, 'store')));
    if (how === 'missing') await rm(storeFile(small, key));
    else await writeFile(storeFile(small, key), before.get('1.k3s-edge.json') ?? '');
    await fresh.refresh(new Date(small.now));
    expect(fresh.state.problem).toMatchObject({ code });
    expect(fresh.state.refreshedAt).toBeUndefined();

    small.repository.publish(new Date(small.now));
    await writeFile(storeFile(small, 'metadata/timestamp.json'), '{}');
    await small.catalog.refresh(new Date(small.now));
    expect(small.catalog.state.problem).toMatchObject({ code: 'metadata-malformed' });
    expect(versionsOf(small.catalog)).toEqual(['1.0.0']);
  });

  it('says when metadata has expired, and keeps answering', async () => {
    await using small = await SmallFleet.open();
    await small.publish(smallRelease('1.0.0', 1));
    await small.catalog.refresh(new Date(small.now + 400 * 86_400_000));
    expect(small.catalog.state.problem).toMatchObject({ code: 'metadata-expired' });
    expect(versionsOf(small.catalog)).toEqual(['1.0.0']);
  });

  it('leaves out a release whose manifest the store lacks or that was changed, and finds it when it is back', async () => {
    await using small = await SmallFleet.open();
    await small.publish(smallRelease('1.0.0', 1));
    const { bytes, sha256: digest } = encodeManifest(smallRelease('1.0.0', 1));
    const other = encodeManifest({ ...smallRelease('1.0.0', 1), floors: ['0.5.0'] });
    const catalog = new Catalog(directoryReader(path.join(small.folder, 'store')));
    for (const damage of [
      () => rm(storeFile(small, manifestKey(digest))),
      () => writeFile(storeFile(small, manifestKey(digest)), '{}'),
      () => writeFile(storeFile(small, manifestKey(digest)), other.bytes),
    ]) {
      await damage();
      await catalog.refresh(new Date(small.now));
      expect(versionsOf(catalog)).toEqual([]);
      expect(catalog.state.skipped).toHaveLength(1);
    }
    await writeFile(storeFile(small, manifestKey(digest)), bytes);
    await catalog.refresh(new Date(small.now));
    expect(versionsOf(catalog)).toEqual(['1.0.0']);
    expect(catalog.state.skipped).toEqual([]);
  });

  it('leaves out a release of another product, which the role may not name, and says so', async () => {
    await using small = await SmallFleet.open();
    await small.publish({ ...smallRelease('1.0.0', 1), product: 'k0s-edge' });
    await small.publish(smallRelease('2.0.0', 2));
    expect(versionsOf(small.catalog)).toEqual(['2.0.0']);
    expect(small.catalog.state.skipped).toEqual([
      'k0s-edge/linux-amd64/1.0.0/release.json: the role k3s-edge may not name it',
    ]);
  });

  it('says that there is no repository', async () => {
    await using small = await SmallFleet.open();
    const catalog = new Catalog(directoryReader(path.join(small.folder, 'rollouts')));
    await catalog.refresh(new Date(small.now));
    expect(catalog.state.problem).toMatchObject({ code: 'repository-missing' });
  });
});

describe('an index of releases', () => {
  const release = (version: string, platform: Release['platform'], channels: string[] = []): Release => ({
    product: 'edge',
    platform,
    version,
    counter: 1,
    maxTransferBytes: 1000,
    channels,
    floors: [],
    minUpdaterVersion: undefined,
    manifestSha256: 'a'.repeat(64),
    targetPath: '',
  });

  it('finds by version, whether or not it is written with a v, and by channel', () => {
    const index = new ReleaseIndex([
      release('v1.2.0+k3s1', 'linux/arm64', ['stable']),
      release('1.3.0', 'linux/arm64'),
    ]);
    expect(index.find('edge', 'linux/arm64', { release: '1.2.0+k3s1' })?.version).toBe('v1.2.0+k3s1');
    expect(index.find('edge', 'linux/arm64', { channel: 'stable' })?.version).toBe('v1.2.0+k3s1');
    expect(index.find('edge', 'linux/amd64', { channel: 'stable' })).toBeUndefined();
    expect(index.find('other', 'linux/arm64', { release: '1.3.0' })).toBeUndefined();
  });

  it('names each version that a channel means on some platform, in order', () => {
    const index = new ReleaseIndex([
      release('1.10.0', 'linux/amd64', ['stable']),
      release('1.9.0', 'linux/arm64', ['stable']),
      release('1.9.0', 'linux/arm', ['stable']),
    ]);
    expect(index.versions('edge', { channel: 'stable' })).toEqual(['1.9.0', '1.10.0']);
    expect(index.versions('edge', { channel: 'beta' })).toEqual([]);
  });
});
