import { cp, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { silentProgress } from '../../../contract/progress.ts';
import { blobKey } from '../../../contract/store-keys.ts';
import { createRepository } from '../../../packager/publish/create-repository.ts';
import type { PublishInput } from '../../../packager/publish/publish.ts';
import { refreshRepository } from '../../../packager/publish/refresh.ts';
import { blobFile } from '../../../packager/release/build-folder.ts';
import { loadRepository } from '../../../packager/repository/state.ts';
import { verifyStore } from '../../../packager/verify/verify-store.ts';
import { directoryWriter } from '../../../system/store/directory-writer.ts';
import type { StoreWriter } from '../../../system/store/writer.ts';
import { Death, dyingStore } from '../../fakes/dying-store.ts';
import { daysLater, newKey, onlineKey, openRepository, productKey, publish, start } from '../repository-fixture.ts';
import { contentOf, noise, type ReleaseOptions, Workbench } from '../workbench.ts';

async function channelsOf(store: StoreWriter) {
  const releases = (await loadRepository(store)).releases.get('k3s-edge') ?? [];
  return Object.fromEntries(releases.map(({ version, custom }) => [version, custom.channels]));
}

describe('publish', () => {
  it('puts a release into its channel and moves the channel from the one before', async () => {
    const bench = await Workbench.open();
    const { store } = await openRepository(bench);
    expect(await publish(bench, store, 'a')).toMatchObject({ outcome: 'published', sentObjects: 2, skippedObjects: 0 });
    await publish(bench, store, 'b', { version: '1.1.0', counter: 2, content: 'two' });
    expect(await channelsOf(store)).toEqual({ '1.0.0': [], '1.1.0': ['stable'] });
    expect(await verifyStore(store, undefined, start, silentProgress)).toMatchObject({ releases: 2, blobs: 2 });
  });

  it('has nothing to do, and changes nothing, when the same build is published again', async () => {
    const bench = await Workbench.open();
    const { store } = await openRepository(bench);
    await publish(bench, store, 'a');
    const before = await contentOf(bench.at('store'));
    expect(await publish(bench, store, 'a', { signingTime: daysLater(0.5) })).toMatchObject({ outcome: 'unchanged' });
    expect(await contentOf(bench.at('store'))).toEqual(before);
  });

  it('brings back a blob that the store has lost', async () => {
    const bench = await Workbench.open();
    const { store } = await openRepository(bench);
    const build = await bench.build('a');
    await publish(bench, store, 'a', { build });
    const before = await contentOf(bench.at('store'));
    await rm(bench.at('store', blobKey(build.manifest.components[0]?.blobs[0]?.sha256 ?? '')));
    await publish(bench, store, 'a', { build });
    expect(await contentOf(bench.at('store'))).toEqual(before);
  });

  it('moves another channel to a published release without a new manifest', async () => {
    const bench = await Workbench.open();
    const { store } = await openRepository(bench);
    await publish(bench, store, 'a', { channel: 'beta' });
    expect(await publish(bench, store, 'a')).toMatchObject({ outcome: 'channel-moved', sentObjects: 0 });
    expect(await channelsOf(store)).toEqual({ '1.0.0': ['beta', 'stable'] });
  });

  it.each<[string, ReleaseOptions & Partial<PublishInput>, string]>([
    ['other content under a published version', { content: 'other' }, 'version-exists'],
    ['an older version', { version: '0.9.0', counter: 5 }, 'version-not-greater'],
    ['a counter that is not greater', { version: '1.1.0', counter: 1 }, 'counter-not-greater'],
    ['a product that the repository does not have', { product: 'k0s-edge' }, 'product-unknown'],
    [
      'a key that is not of the product',
      { version: '1.1.0', counter: 2, keys: [newKey(), onlineKey] },
      'key-not-authorised',
    ],
    ['no online key', { version: '1.1.0', counter: 2, keys: [productKey] }, 'key-not-authorised'],
    ['expired targets', { version: '1.1.0', counter: 2, signingTime: daysLater(181) }, 'metadata-expired'],
    ['an expired root', { version: '1.1.0', counter: 2, signingTime: daysLater(366) }, 'metadata-expired'],
  ])('refuses %s and leaves the store as it was', async (_what, input, code) => {
    const bench = await Workbench.open();
    const { store } = await openRepository(bench);
    await publish(bench, store, 'a');
    const before = await contentOf(bench.at('store'));
    await expect(publish(bench, store, 'b', input)).rejects.toMatchObject({ code });
    expect(await contentOf(bench.at('store'))).toEqual(before);
  });

  it('refuses a store without a repository, and a repository under another root', async () => {
    const bench = await Workbench.open();
    const empty = directoryWriter(bench.at('empty'));
    await expect(publish(bench, empty, 'a')).rejects.toMatchObject({ code: 'repository-missing' });
    const { store } = await openRepository(bench);
    const foreign = newKey();
    const other = directoryWriter(bench.at('other'));
    const one = { keys: [foreign], threshold: 1 };
    const keys = { root: one, targets: one, online: one, products: new Map([['k3s-edge', one]]) };
    const { bytes: pinnedRoot } = await createRepository(other, keys, start, true);
    const refused = publish(bench, store, 'a', { pinnedRoot });
    await expect(refused).rejects.toMatchObject({ code: 'metadata-signature-invalid' });
  });

  it('refuses a build whose blob is not what its name says, and sends nothing of it', async () => {
    const bench = await Workbench.open();
    const { store } = await openRepository(bench);
    const build = await bench.build('a');
    const { sha256 = '', length = 0 } = build.manifest.components[0]?.blobs[0] ?? {};
    await writeFile(blobFile(build.folder, sha256), Buffer.alloc(length, 7));
    await expect(publish(bench, store, 'a', { build })).rejects.toMatchObject({ code: 'digest-mismatch' });
    expect(await store.stat(blobKey(sha256))).toBeUndefined();
    expect(await channelsOf(store)).toEqual({});
  });

  it('does not move the timestamp when a blob vanished from the store meanwhile', async () => {
    const bench = await Workbench.open();
    const { store } = await openRepository(bench);
    const build = await bench.build('a');
    const blob = blobKey(build.manifest.components[0]?.blobs[0]?.sha256 ?? '');
    const losing: StoreWriter = {
      ...store,
      async putNew(key, bytes) {
        if (key.includes('snapshot')) await rm(path.join(bench.at('store'), blob));
        return store.putNew(key, bytes);
      },
    };
    await expect(publish(bench, losing, 'a', { build })).rejects.toMatchObject({ code: 'blob-missing' });
    expect(await channelsOf(store)).toEqual({});
  });

  it('publishes over an expired timestamp, snapshot and product role, which it signs anew', async () => {
    const bench = await Workbench.open();
    const { store } = await openRepository(bench);
    const signingTime = daysLater(70);
    await publish(bench, store, 'a', { signingTime });
    expect(await verifyStore(store, undefined, signingTime, silentProgress)).toMatchObject({ releases: 1 });
  });
});

describe('publish after a death', () => {
  it('ends in the same store content, whichever call the publisher before died at', async () => {
    const bench = await Workbench.open();
    const { store: fresh } = await openRepository(bench, 'fresh');
    await publish(bench, fresh, 'a');
    const build = await bench.build('b', { version: '1.1.0', counter: 2, content: noise(3, 2000) });
    await cp(bench.at('fresh'), bench.at('whole'), { recursive: true });
    const counting = dyingStore(directoryWriter(bench.at('whole')), Number.POSITIVE_INFINITY, 'before');
    await publish(bench, counting, 'b', { build });
    const whole = await contentOf(bench.at('whole'));
    expect(counting.calls).toBe(5);
    for (const when of ['before', 'after'] as const) {
      for (let call = 1; call <= counting.calls; call++) {
        const name = `dead-${when}-${call}`;
        await cp(bench.at('fresh'), bench.at(name), { recursive: true });
        const store = directoryWriter(bench.at(name));
        await expect(publish(bench, dyingStore(store, call, when), 'b', { build })).rejects.toBeInstanceOf(Death);
        const visible = when === 'after' && call === counting.calls;
        expect(Object.keys(await channelsOf(store)), name).toHaveLength(visible ? 2 : 1);
        await publish(bench, store, 'b', { build });
        expect(await contentOf(bench.at(name)), name).toEqual(whole);
      }
    }
  });

  it('takes over what was signed an hour before and steps over what says something else', async () => {
    const bench = await Workbench.open();
    const { store } = await openRepository(bench);
    const build = await bench.build('a');
    // Dead before the timestamp: role and snapshot 2 are there, unreachable.
    await expect(publish(bench, dyingStore(store, 5, 'before'), 'a', { build })).rejects.toBeInstanceOf(Death);
    const left = await contentOf(bench.at('store'));
    await publish(bench, store, 'a', { build, signingTime: daysLater(0.04) });
    const adopted = await contentOf(bench.at('store'));
    expect(Object.keys(adopted)).toEqual(Object.keys(left));
    expect(adopted['metadata/2.k3s-edge.json']).toBe(left['metadata/2.k3s-edge.json']);

    const other = await bench.build('b', { version: '1.1.0', counter: 2, content: 'two' });
    await expect(publish(bench, dyingStore(store, 5, 'before'), 'b', { build: other })).rejects.toBeInstanceOf(Death);
    await publish(bench, store, 'c', { version: '1.2.0', counter: 3 });
    expect(await channelsOf(store)).toEqual({ '1.0.0': [], '1.2.0': ['stable'] });
    expect(Object.keys(await contentOf(bench.at('store')))).toContain('metadata/4.k3s-edge.json');
    expect(await verifyStore(store, undefined, start, silentProgress)).toMatchObject({ releases: 2 });
  });

  it('does not take over a document that an unknown key signed', async () => {
    const bench = await Workbench.open();
    const { store } = await openRepository(bench);
    const build = await bench.build('a');
    await expect(publish(bench, dyingStore(store, 5, 'before'), 'a', { build })).rejects.toBeInstanceOf(Death);
    const found = await store.readWhole('metadata/2.k3s-edge.json', 100_000);
    const document = JSON.parse(Buffer.from(found?.bytes ?? []).toString());
    document.signatures[0].sig = '0'.repeat(128);
    await writeFile(bench.at('store/metadata/2.k3s-edge.json'), JSON.stringify(document));
    await publish(bench, store, 'a', { build });
    expect((await loadRepository(store)).products.get('k3s-edge')?.version).toBe(3);
  });
});

describe('publish in a race', () => {
  it('merges with the release of the publisher that was faster', async () => {
    const bench = await Workbench.open();
    const { store } = await openRepository(bench);
    let raced = false;
    const slow: StoreWriter = {
      ...store,
      async compareAndSwap(key, etag, bytes) {
        if (!raced) {
          raced = true;
          await publish(bench, store, 'fast', { platform: 'linux/arm64' });
        }
        return store.compareAndSwap(key, etag, bytes);
      },
    };
    expect(await publish(bench, slow, 'slow')).toMatchObject({ outcome: 'published', lostRaces: 1 });
    const role = (await loadRepository(store)).products.get('k3s-edge');
    expect(Object.keys(role?.targets ?? {}).sort()).toEqual([
      'k3s-edge/linux-amd64/1.0.0/release.json',
      'k3s-edge/linux-arm64/1.0.0/release.json',
    ]);
    expect(await verifyStore(store, undefined, start, silentProgress)).toMatchObject({ releases: 2 });
  });

  it('gives up with a code when it never wins, and nothing of it is visible', async () => {
    const bench = await Workbench.open();
    const { store } = await openRepository(bench);
    const losing: StoreWriter = { ...store, compareAndSwap: async () => 'changed' };
    await expect(publish(bench, losing, 'a')).rejects.toMatchObject({ code: 'publish-contended' });
    expect(await channelsOf(store)).toEqual({});
  });
});

describe('refresh', () => {
  it('signs snapshot and timestamp again after both expired, and the product role at half of its time', async () => {
    const bench = await Workbench.open();
    const { store } = await openRepository(bench);
    await publish(bench, store, 'a');
    const input = { store, pinnedRoot: undefined, say: () => undefined, backOff: async () => undefined };
    await expect(verifyStore(store, undefined, daysLater(2), silentProgress)).rejects.toMatchObject({
      code: 'metadata-expired',
    });
    const first = await refreshRepository({ ...input, keys: [onlineKey], signingTime: daysLater(2) });
    expect(first.products).toEqual([]);
    expect(await verifyStore(store, undefined, daysLater(2), silentProgress)).toMatchObject({ releases: 1 });
    const later = await refreshRepository({ ...input, keys: [onlineKey, productKey], signingTime: daysLater(40) });
    expect(later.products).toEqual(['k3s-edge']);
    expect(await channelsOf(store)).toEqual({ '1.0.0': ['stable'] });
  });

  it('says so when a product role expired and its key is not there, or the key is not the online one', async () => {
    const bench = await Workbench.open();
    const { store } = await openRepository(bench);
    const input = { store, pinnedRoot: undefined, say: () => undefined, backOff: async () => undefined };
    const expired = refreshRepository({ ...input, keys: [onlineKey], signingTime: daysLater(61) });
    await expect(expired).rejects.toMatchObject({ code: 'metadata-expired' });
    const wrong = refreshRepository({ ...input, keys: [productKey], signingTime: start });
    await expect(wrong).rejects.toMatchObject({ code: 'key-not-authorised' });
  });
});
