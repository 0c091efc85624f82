import { appendFile, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { silentProgress } from '../../../contract/progress.ts';
import { blobKey, manifestKey } from '../../../contract/store-keys.ts';
import { libzstdEncoder } from '../../../delta/recipe/libzstd.ts';
import type { PublishInput } from '../../../packager/publish/publish.ts';
import { verifyStore } from '../../../packager/verify/verify-store.ts';
import { ownEncoders } from '../../delta/make/delta-bench.ts';
import { openRepository, publish, start } from '../repository-fixture.ts';
import { contentOf, noise, Workbench } from '../workbench.ts';

const slipway: PublishInput['slipway'] = {
  encoders: ownEncoders,
  zstd: libzstdEncoder(),
};

async function flip(file: string): Promise<void> {
  const bytes = await readFile(file);
  bytes[bytes.length - 2] = (bytes[bytes.length - 2] ?? 0) ^ 1;
  await writeFile(file, bytes);
}

/** A store with two releases, the second with a delta from the first. */
async function twoReleases() {
  const bench = await Workbench.open();
  const { store } = await openRepository(bench);
  const base = noise(5, 60_000);
  await publish(bench, store, 'a', { slipway, content: base });
  const build = await bench.build('b', { content: `${base} two`, version: '1.1.0', counter: 2 });
  const published = await publish(bench, store, 'b', { slipway, build });
  const blob = blobKey(build.manifest.components[0]?.blobs[0]?.sha256 ?? '');
  const delta = blobKey(published.deltas[0]?.sha256 ?? '');
  return { bench, store, build, blob, delta, manifest: manifestKey(published.manifestSha256) };
}

type Damage = [string, (file: string) => Promise<void>];
const damages: Damage[] = [
  ['flipped', flip],
  ['cut', (file) => truncate(file, 20)],
  ['longer', (file) => appendFile(file, 'x')],
  ['gone', rm],
];

describe('publish of a build that is there already', () => {
  it.each(damages)('heals a blob, a delta and a manifest that are %s', async (what, damage) => {
    const { bench, store, build, blob, delta, manifest } = await twoReleases();
    const before = await contentOf(bench.at('store'));
    for (const key of [blob, delta, manifest]) {
      await damage(bench.at('store', key));
      await expect(verifyStore(store, undefined, start, silentProgress), key).rejects.toThrow();
      const said: string[] = [];
      const healing = { slipway, build, say: (line: string) => void said.push(line) };
      const result = await publish(bench, store, 'b', healing);
      expect(result, key).toMatchObject({ outcome: 'unchanged', damagedObjects: [], sentObjects: 1 });
      expect(result.healed, key).toEqual(what === 'gone' ? [] : [key]);
      expect(said.some((line) => line.includes(key) && line.includes('replaced'))).toBe(what !== 'gone');
      expect(await contentOf(bench.at('store')), key).toEqual(before);
    }
  });

  it('believes lengths, as it is told to, and then heals what has another one', async () => {
    const { bench, store, build, blob } = await twoReleases();
    await flip(bench.at('store', blob));
    const trusting = { slipway, build, verifyExisting: false };
    expect(await publish(bench, store, 'b', trusting)).toMatchObject({ sentObjects: 0, healed: [] });
    await truncate(bench.at('store', blob), 3);
    expect(await publish(bench, store, 'b', trusting)).toMatchObject({ sentObjects: 1, healed: [blob] });
  });

  it('names a delta that comes out otherwise without the encoder that made it', async () => {
    const { bench, store, build, delta } = await twoReleases();
    await flip(bench.at('store', delta));
    const said: string[] = [];
    const result = await publish(bench, store, 'b', { build, say: (line) => said.push(line) });
    expect(result).toMatchObject({ outcome: 'unchanged', damagedObjects: [delta] });
    expect(said).toContainEqual(expect.stringMatching(`^warning: ${delta}`));
  });

  it('refuses a damaged manifest that it cannot make again, and says what to do', async () => {
    const { bench, store, build, manifest } = await twoReleases();
    await flip(bench.at('store', manifest));
    const refused = publish(bench, store, 'b', { build });
    await expect(refused).rejects.toMatchObject({
      code: 'digest-mismatch',
      hint: expect.stringContaining('--repair'),
    });
  });

  it.each([
    'metadata/3.k3s-edge.json',
    'metadata/3.snapshot.json',
    'metadata/1.targets.json',
  ])('refuses a store whose %s is damaged, and says how it comes back', async (key) => {
    const { bench, store, build } = await twoReleases();
    await truncate(bench.at('store', key), 100);
    const refused = publish(bench, store, 'b', { build });
    const hint = expect.stringContaining('--repair BUNDLE');
    await expect(refused).rejects.toMatchObject({ code: 'metadata-malformed', hint });
  });

  it('heals a blob that an interrupted publish left damaged before it makes it visible', async () => {
    const bench = await Workbench.open();
    const { store } = await openRepository(bench);
    const build = await bench.build('a');
    const { sha256 = '', length = 0 } = build.manifest.components[0]?.blobs[0] ?? {};
    await bench.write(`store/${blobKey(sha256)}`, Buffer.alloc(length, 7));
    const result = await publish(bench, store, 'a', { build });
    expect(result).toMatchObject({ outcome: 'published', healed: [blobKey(sha256)] });
    expect(await verifyStore(store, undefined, start, silentProgress)).toMatchObject({ releases: 1 });
  });
});
