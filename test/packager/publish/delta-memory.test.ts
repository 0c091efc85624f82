import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { SlipwayError } from '../../../contract/errors.ts';
import { silentProgress } from '../../../contract/progress.ts';
import { blobKey } from '../../../contract/store-keys.ts';
import type { PartTask } from '../../../delta/make/ports.ts';
import { libzstdEncoder } from '../../../delta/recipe/libzstd.ts';
import { verifyStore } from '../../../packager/verify/verify-store.ts';
import type { StoreWriter } from '../../../system/store/writer.ts';
import { ownEncoders } from '../../delta/make/delta-bench.ts';
import { dyingStore } from '../../fakes/dying-store.ts';
import { newKey, onlineKey, openRepository, productKey, publish, start } from '../repository-fixture.ts';
import { contentOf, noise, Workbench } from '../workbench.ts';

const zstd = libzstdEncoder();

/** Encoders that count what they are asked for. */
function counting(maxMemoryBytes = 2 ** 33) {
  const tasks: PartTask[] = [];
  const encoders = {
    ...ownEncoders,
    maxMemoryBytes,
    encode: (task: PartTask) => {
      tasks.push(task);
      return ownEncoders.encode(task, 0);
    },
  };
  return { tasks, slipway: { encoders, zstd } };
}

/** A store with one release, and the build of the next one. */
async function beforeUpdate() {
  const bench = await Workbench.open();
  const { store } = await openRepository(bench);
  const base = noise(5, 60_000);
  await publish(bench, store, 'a', { content: base });
  const build = await bench.build('b', { content: `${base} two`, version: '1.1.0', counter: 2 });
  return { bench, store, build, base };
}

/** Publishes as far as the metadata, where the store fails. */
async function interrupted(store: StoreWriter, work: (store: StoreWriter) => Promise<unknown>): Promise<void> {
  const failing: StoreWriter = {
    ...dyingStore(store, Number.POSITIVE_INFINITY, 'after'),
    putNew: async () => {
      throw new SlipwayError('store-unreachable', 'gone');
    },
  };
  await expect(work(failing)).rejects.toMatchObject({ code: 'store-unreachable' });
}

describe('a delta that the store has already', () => {
  it('is not made again after an interruption, and the release is the same', async () => {
    const { bench, store, build } = await beforeUpdate();
    const first = counting();
    await interrupted(store, (failing) => publish(bench, failing, 'b', { build, slipway: first.slipway }));
    expect(first.tasks.length).toBeGreaterThan(0);
    const second = counting();
    const said: string[] = [];
    const result = await publish(bench, store, 'b', { build, slipway: second.slipway, say: (line) => said.push(line) });
    expect(second.tasks).toEqual([]);
    expect(result).toMatchObject({ outcome: 'published', sentObjects: 0, deltas: [{ format: 'slipway' }] });
    expect(said).toContainEqual(expect.stringContaining('delta from 1.0.0 made before'));
    expect(await verifyStore(store, undefined, start, silentProgress)).toMatchObject({ releases: 2, blobs: 3 });
  });

  it('is not made again for another version with the same files', async () => {
    const { bench, store, build, base } = await beforeUpdate();
    await publish(bench, store, 'b', { build, slipway: counting().slipway });
    await publish(bench, store, 'c', { slipway: counting().slipway, content: base, version: '1.2.0', counter: 3 });
    const { tasks, slipway } = counting();
    const next = { slipway, content: `${base} two`, version: '1.3.0', counter: 4 };
    const { deltas } = await publish(bench, store, 'd', next);
    expect(deltas).toMatchObject([{ format: 'slipway' }]);
    expect(tasks).toEqual([]);
  });

  it('was not worth it, and is not tried again either', async () => {
    const { bench, store } = await beforeUpdate();
    const build = await bench.build('n', { content: noise(77, 60_000), version: '1.1.0', counter: 2 });
    const first = counting();
    await interrupted(store, (failing) => publish(bench, failing, 'n', { build, slipway: first.slipway }));
    expect(first.tasks.length).toBeGreaterThan(0);
    const { tasks, slipway } = counting();
    expect(await publish(bench, store, 'n', { build, slipway })).toMatchObject({ outcome: 'published', deltas: [] });
    expect(tasks).toEqual([]);
  });

  const cases: [string, (bench: Workbench, statement: string) => Promise<Parameters<typeof publish>[3]>][] = [
    [
      'when its bytes in the store are others',
      async (bench, statement) => {
        const { signed } = JSON.parse(await readFile(statement, 'utf8'));
        const file = bench.at('store', blobKey(signed.deltas[0].sha256));
        await writeFile(file, Buffer.alloc(signed.deltas[0].length, 7));
        return {};
      },
    ],
    [
      'when its bytes are gone',
      async (bench, statement) => {
        const { signed } = JSON.parse(await readFile(statement, 'utf8'));
        await rm(bench.at('store', blobKey(signed.deltas[0].sha256)));
        return {};
      },
    ],
    [
      'when somebody without the key says what it is',
      async (_bench, statement) => {
        const said = JSON.parse(await readFile(statement, 'utf8'));
        said.signed.deltas = [];
        await writeFile(statement, JSON.stringify(said));
        return {};
      },
    ],
    [
      'when the statement is of other files',
      async (_bench, statement) => {
        const said = JSON.parse(await readFile(statement, 'utf8'));
        said.signed.inputs.from = 'f'.repeat(64);
        await writeFile(statement, JSON.stringify(said));
        return {};
      },
    ],
    [
      'when the statement is no JSON',
      async (_bench, statement) => {
        await writeFile(statement, '{');
        return {};
      },
    ],
    [
      'when the statement is longer than any',
      async (_bench, statement) => {
        await writeFile(statement, Buffer.alloc(100_000, 32));
        return {};
      },
    ],
    ['when encoders have other memory', async () => ({ slipway: counting(2 ** 34).slipway })],
    ['when it is asked for', async () => ({ remakeDeltas: true })],
  ];
  it.each(cases)('is made again %s', async (_what, change) => {
    const { bench, store, build } = await beforeUpdate();
    await interrupted(store, (failing) => publish(bench, failing, 'b', { build, slipway: counting().slipway }));
    const [name = ''] = await readdir(bench.at('store/deltas'));
    const { tasks, slipway } = counting();
    const input = { build, slipway, ...(await change(bench, bench.at('store/deltas', name))) };
    const said: string[] = [];
    const result = await publish(bench, store, 'b', { ...input, say: (line) => said.push(line) });
    expect(result).toMatchObject({ outcome: 'published', deltas: [{ format: 'slipway' }] });
    expect(said).toContainEqual(expect.stringContaining('making a delta from 1.0.0'));
    if (input.slipway === slipway) expect(tasks.length).toBeGreaterThan(0);
    expect(await verifyStore(store, undefined, start, silentProgress)).toMatchObject({ releases: 2, blobs: 3 });
  });

  it('is made again when another key of the product signed that it is there', async () => {
    const { bench, store, build } = await beforeUpdate();
    await interrupted(store, (failing) => publish(bench, failing, 'b', { build, slipway: counting().slipway }));
    const before = await contentOf(bench.at('store'));
    const foreign = newKey();
    const { tasks, slipway } = counting();
    await publish(bench, store, 'b', { build, slipway, keys: [foreign, productKey, onlineKey] });
    expect(tasks).toEqual([]);
    expect(Object.keys(await contentOf(bench.at('store')))).toEqual(expect.arrayContaining(Object.keys(before)));
  });

  it('is published also where the store takes no memory of it', async () => {
    const { bench, store, build } = await beforeUpdate();
    const narrow: StoreWriter = {
      ...dyingStore(store, Number.POSITIVE_INFINITY, 'after'),
      async putBlob(key, source, onBytes) {
        if (key.startsWith('deltas/')) throw new SlipwayError('store-forbidden', 'no');
        return store.putBlob(key, source, onBytes);
      },
    };
    const result = await publish(bench, narrow, 'b', { build, slipway: counting().slipway });
    expect(result).toMatchObject({ outcome: 'published', deltas: [{ format: 'slipway' }] });
  });
});
