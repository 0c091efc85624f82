/** What nothing names goes, and nothing else: a store is as sound after it as before, for new devices and for old ones. */
import { readdir, utimes } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { silentProgress } from '../../../contract/progress.ts';
import { findUnnamed, removeUnnamed } from '../../../packager/publish/prune.ts';
import { verifyStore } from '../../../packager/verify/verify-store.ts';
import { signOnline } from '../../../system/signing/sign-online.ts';
import { daysLater, onlineKey, openRepository, publish } from '../repository-fixture.ts';
import { Workbench } from '../workbench.ts';

async function oldStore() {
  const bench = await Workbench.open();
  const { store, root } = await openRepository(bench);
  await publish(bench, store, 'one', { version: '1.0.0', counter: 1 });
  await publish(bench, store, 'two', { version: '2.0.0', counter: 2, content: 'two' });
  const known = new Map([['root', root]]);
  await signOnline({ store, keys: [onlineKey], known, now: daysLater(5) });
  // Given up before it was named.
  await store.putNew(`targets/${'a'.repeat(64)}.release.json`, Buffer.from('{}'));
  await store.putNew(`blobs/sha256/aa/${'a'.repeat(64)}`, Buffer.from('lost'));
  await store.putNew('metadata/9.snapshot.json', Buffer.from('{}'));
  for (const entry of await readdir(bench.at('store'), { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) await utimes(path.join(entry.parentPath, entry.name), daysLater(0), daysLater(0));
  }
  const input = { store, pinnedRoot: root, now: daysLater(31), olderThanDays: 30 };
  const keysOf = async (more = {}) => (await findUnnamed({ ...input, ...more })).map(({ key }) => key).sort();
  const verify = () => verifyStore(store, root, daysLater(5.5), silentProgress);
  return { bench, store, input, keysOf, verify };
}

const unnamed = [
  `blobs/sha256/aa/${'a'.repeat(64)}`,
  ...['metadata/1.k3s-edge.json', 'metadata/1.snapshot.json', 'metadata/2.k3s-edge.json', 'metadata/2.snapshot.json'],
  'metadata/3.snapshot.json',
  `targets/${'a'.repeat(64)}.release.json`,
];

it('names what nothing names, and removes nothing by that', async () => {
  const { keysOf, verify } = await oldStore();
  expect(await keysOf()).toEqual(unnamed);
  expect(await keysOf()).toEqual(unnamed);
  await verify();
});

it('leaves what is young, for whoever is on the way', async () => {
  const { store, keysOf } = await oldStore();
  expect(await keysOf({ now: daysLater(29) })).toEqual([]);
  await store.putNew(`blobs/sha256/bb/${'b'.repeat(64)}`, Buffer.from('on its way'));
  expect(await keysOf()).toEqual(unnamed);
});

it('removes it, and the store is sound; a second time there is nothing', async () => {
  const { store, input, keysOf, verify } = await oldStore();
  await removeUnnamed(input, await findUnnamed(input));
  expect(await verify()).toMatchObject({ releases: 2 });
  expect(await store.stat('metadata/1.root.json')).toBeDefined();
  expect(await store.stat('metadata/9.snapshot.json')).toBeDefined();
  expect(await keysOf()).toEqual([]);
});

it('a store with a manifest that cannot be read is not pruned', async () => {
  const { store, input } = await oldStore();
  for await (const { key } of store.list('targets/')) if (!key.includes('aaaa')) await store.remove(key);
  await expect(findUnnamed(input)).rejects.toMatchObject({ code: 'blob-missing' });
});

it('the verb shows first, and removes by --yes alone', async () => {
  const { bench, keysOf } = await oldStore();
  const words = ['prune', '--store', bench.storeUrl, '--json'];
  expect((await bench.must(words)).json).toMatchObject({ removed: false, objects: { length: unnamed.length } });
  expect((await bench.run([...words, '--older-than', '1d'])).json.error?.code).toBe('usage');
  expect((await bench.must([...words, '--yes'])).json.removed).toBe(true);
  expect(await keysOf()).toEqual([]);
});
