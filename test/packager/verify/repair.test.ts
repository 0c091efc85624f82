import { appendFile, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { silentProgress } from '../../../contract/progress.ts';
import { blobKey, manifestKey } from '../../../contract/store-keys.ts';
import { parseSelector } from '../../../packager/bundle/release-selector.ts';
import { writeBundle } from '../../../packager/bundle/write-bundle.ts';
import { Repair, type RepairSource } from '../../../packager/verify/repair.ts';
import { buildAsSource, bundleAsSource } from '../../../packager/verify/repair-sources.ts';
import { verifyStore } from '../../../packager/verify/verify-store.ts';
import { openRepository, publish, start } from '../repository-fixture.ts';
import { contentOf, noise, Workbench } from '../workbench.ts';

type Damage = (file: string) => Promise<void>;

const flip: Damage = async (file) => {
  const bytes = await readFile(file);
  bytes[40] = (bytes[40] ?? 0) ^ 1;
  await writeFile(file, bytes);
};
const cut: Damage = (file) => truncate(file, 20);
const lengthen: Damage = (file) => appendFile(file, 'x');

/** A store with one release, and a bundle and a build of it. */
async function published() {
  const bench = await Workbench.open();
  const { store, root } = await openRepository(bench);
  const build = await bench.build('a', { content: noise(3, 5000) });
  const { manifestSha256 } = await publish(bench, store, 'a', { build });
  const selector = parseSelector('k3s-edge/linux/amd64/1.0.0', 'version');
  const file = bench.at('a.bundle');
  await writeBundle({ store, selector, file, pinnedRoot: root, now: start, progress: silentProgress });
  const sources = { build: await buildAsSource(build.folder), bundle: await bundleAsSource(file) };
  const repair = async (source: RepairSource) => {
    const said: string[] = [];
    const mend = new Repair(store, source, (line) => said.push(line));
    const verified = await verifyStore(store, root, start, silentProgress, mend);
    return { verified, said };
  };
  const blob = blobKey(build.manifest.components[0]?.blobs[0]?.sha256 ?? '');
  return { bench, store, root, build, sources, repair, blob, manifest: manifestKey(manifestSha256) };
}

describe('verify of a store with a repair', () => {
  it('repairs a blob and a manifest from the build or a bundle, and says what it did', async () => {
    const { bench, store, root, sources, repair, blob, manifest } = await published();
    const before = await contentOf(bench.at('store'));
    for (const source of Object.values(sources)) {
      for (const [key, damage, was] of [
        [blob, flip, 'compression-invalid'],
        [blob, cut, 'compression-invalid'],
        [blob, rm, 'blob-missing'],
        [manifest, flip, 'digest-mismatch'],
        [manifest, lengthen, 'length-mismatch'],
        [manifest, rm, 'blob-missing'],
      ] as const) {
        await damage(bench.at('store', key));
        const { verified, said } = await repair(source);
        expect(
          verified.repaired?.map(({ key: repaired }) => repaired),
          `${key} ${was}`,
        ).toEqual([key]);
        expect(said).toHaveLength(1);
        expect(await contentOf(bench.at('store'))).toEqual(before);
      }
    }
    expect(await verifyStore(store, root, start, silentProgress)).toMatchObject({ blobs: 1, releases: 1 });
  });

  it.each<[string, string, Damage]>([
    ['the product role', 'metadata/2.k3s-edge.json', flip],
    ['the product role that is gone', 'metadata/2.k3s-edge.json', rm],
    ['the targets', 'metadata/1.targets.json', flip],
    ['the snapshot', 'metadata/2.snapshot.json', cut],
    ['a timestamp that nothing can read', 'metadata/timestamp.json', cut],
    ['a timestamp with another signature', 'metadata/timestamp.json', flip],
    ['a timestamp that grew beyond all bounds', 'metadata/timestamp.json', (file) => truncate(file, 2 ** 33)],
    ['a timestamp that is gone', 'metadata/timestamp.json', rm],
  ])('repairs %s from a bundle, as the chain of trust has it', async (_what, key, damage) => {
    const { bench, sources, repair } = await published();
    const before = await contentOf(bench.at('store'));
    await damage(bench.at('store', key));
    await expect(repair(sources.build)).rejects.toThrow();
    const { verified } = await repair(sources.bundle);
    expect(verified.repaired).toMatchObject([{ key }]);
    expect(await contentOf(bench.at('store'))).toEqual(before);
  });

  it('does not take the timestamp of a bundle that the store has gone on from, which would take releases away', async () => {
    const { bench, store, sources, repair } = await published();
    await publish(bench, store, 'b', { version: '1.1.0', counter: 2, content: 'two' });
    await cut(bench.at('store/metadata/timestamp.json'));
    const before = await contentOf(bench.at('store'));
    await expect(repair(sources.bundle)).rejects.toMatchObject({ code: 'metadata-malformed' });
    expect(await contentOf(bench.at('store'))).toEqual(before);
  });

  it('puts nothing into the store that is damaged in the source as well, and keeps the finding', async () => {
    const { bench, build, sources, repair, blob } = await published();
    await flip(bench.at('store', blob));
    await flip(`${build.folder}/${blob}`);
    const before = await contentOf(bench.at('store'));
    await expect(repair(sources.build)).rejects.toMatchObject({ code: 'compression-invalid' });
    expect(await contentOf(bench.at('store'))).toEqual(before);
  });

  it('says that nothing had to be done', async () => {
    const { sources, repair } = await published();
    expect(await repair(sources.bundle)).toMatchObject({ verified: { repaired: [] }, said: [] });
  });

  it('is a verb of the program, for stores alone', async () => {
    const bench = await Workbench.open();
    const { manifest } = await bench.build('a');
    const store = ['--store', bench.storeUrl];
    await bench.must([
      'init',
      '--demo',
      ...store,
      '--keys',
      'keys',
      '--product',
      'k3s-edge',
      '--root-out',
      'root.json',
    ]);
    await bench.must(['publish', 'a.build', ...store, '--channel', 'stable', '--keys', 'keys']);
    const key = blobKey(manifest.components[0]?.blobs[0]?.sha256 ?? '');
    await rm(bench.at('store', key));
    const verify = ['verify', bench.storeUrl, '--root', 'root.json'];
    expect((await bench.run([...verify, '--json'])).json.error).toMatchObject({ code: 'blob-missing' });
    const repaired = await bench.must([...verify, '--repair', 'a.build', '--json']);
    expect(repaired.json).toMatchObject({ ok: true, repaired: [{ key, was: 'blob-missing' }] });
    expect(repaired.stderr).toContain(`repaired ${key}`);
    await bench.write('a.bundle', 'none');
    const wrong = await bench.run(['verify', 'a.build', '--repair', 'a.bundle', '--json']);
    expect(wrong).toMatchObject({ status: 2, json: { error: { code: 'usage' } } });
  });
});
