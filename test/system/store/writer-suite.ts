/** What every store that is written must do, whatever it is made of; what is read of it is in reader-suite.ts. */
import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { text as streamText } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SlipwayError } from '../../../contract/errors.ts';
import { objectStream } from '../../../system/store/object-stream.ts';
import type { ListedObject, StoreWriter } from '../../../system/store/writer.ts';

async function listed(store: StoreWriter): Promise<ListedObject[]> {
  const found: ListedObject[] = [];
  for await (const object of store.list('metadata/')) found.push(object);
  return found;
}

/**
 * @param open a store over the same empty place for each call within one test: two of them are two publishers
 * @param reset makes the place empty
 */
export function storeWriterSuite(name: string, open: () => StoreWriter, reset: () => Promise<void>): void {
  describe(`a store that is written, over ${name}`, () => {
    let stores: StoreWriter[] = [];
    const another = () => {
      const store = open();
      stores.push(store);
      return store;
    };
    beforeEach(reset);
    afterEach(async () => {
      for (const store of stores) await store.close();
      stores = [];
    });
    const text = (value: string) => Buffer.from(value);
    const codeOf = (promise: Promise<unknown>) =>
      promise.then(
        () => 'no error',
        (error: SlipwayError) => error.code,
      );

    it('says that an object is not there', async () => {
      const store = another();
      expect(await store.stat('metadata/timestamp.json')).toBeUndefined();
      expect(await store.readWhole('metadata/timestamp.json', 100)).toBeUndefined();
      expect(await codeOf(objectStream(store, 'blobs/none'))).toBe('object-missing');
    });

    it('creates a small object once and leaves it as it is afterwards', async () => {
      const store = another();
      expect(await store.putNew('metadata/1.root.json', text('first'))).toBe('created');
      expect(await store.putNew('metadata/1.root.json', text('second'))).toBe('exists');
      expect(text('first').equals((await store.readWhole('metadata/1.root.json', 100))?.bytes ?? text(''))).toBe(true);
    });

    it('lets exactly one of several creators win', async () => {
      const results = await Promise.all(
        Array.from({ length: 6 }, (_, i) => another().putNew('metadata/2.root.json', text(`creator ${i}`))),
      );
      expect(results.filter((result) => result === 'created')).toHaveLength(1);
    });

    it('lists objects below a prefix, and removes one', async () => {
      const store = another();
      expect(await listed(store)).toEqual([]);
      for (const key of ['metadata/1.root.json', 'metadata/2.root.json', 'targets/x'])
        await store.putNew(key, text(key));
      const found = await listed(store);
      expect(found.map(({ key, length }) => [key, length]).sort()).toEqual([
        ['metadata/1.root.json', 20],
        ['metadata/2.root.json', 20],
      ]);
      expect(found.every(({ modified }) => Math.abs(Date.now() - modified.getTime()) < 3_600_000)).toBe(true);
      for (const _ of [1, 2]) await store.remove('metadata/1.root.json');
      expect((await listed(store)).map(({ key }) => key)).toEqual(['metadata/2.root.json']);
    });

    it('refuses to read an object whole that is longer than allowed', async () => {
      const store = another();
      await store.putNew('metadata/big.json', text('x'.repeat(101)));
      expect(await codeOf(store.readWhole('metadata/big.json', 100))).toBe('metadata-too-large');
    });

    it('swaps only what still has the etag that was read', async () => {
      const store = another();
      await store.putNew('metadata/timestamp.json', text('one'));
      const etag = (await store.readWhole('metadata/timestamp.json', 100))?.etag ?? '';
      expect(await store.compareAndSwap('metadata/timestamp.json', etag, text('two'))).toBe('swapped');
      expect(await store.compareAndSwap('metadata/timestamp.json', etag, text('three'))).toBe('changed');
      expect((await store.readWhole('metadata/timestamp.json', 100))?.bytes.toString()).toBe(text('two').toString());
    });

    it('does not create an object by a swap', async () => {
      const store = another();
      expect(await store.compareAndSwap('metadata/timestamp.json', 'abc', text('two'))).toBe('changed');
      expect(await store.stat('metadata/timestamp.json')).toBeUndefined();
    });

    it('lets exactly one of several swaps with the same etag win, and that one is what is read', async () => {
      const store = another();
      await store.putNew('metadata/timestamp.json', text('start'));
      const etag = (await store.readWhole('metadata/timestamp.json', 100))?.etag ?? '';
      const writers = Array.from({ length: 6 }, (_, i) => `writer ${i}`);
      const results = await Promise.all(
        writers.map((writer) => another().compareAndSwap('metadata/timestamp.json', etag, text(writer))),
      );
      expect(results.filter((result) => result === 'swapped')).toHaveLength(1);
      const winner = writers[results.indexOf('swapped')];
      expect(Buffer.from((await store.readWhole('metadata/timestamp.json', 100))?.bytes ?? []).toString()).toBe(winner);
    });

    for (const length of [0, 1, 100_000, 17 * 1024 * 1024]) {
      it(`stores and streams back a blob of ${length} bytes and counts each of them`, async () => {
        const store = another();
        const bytes = randomBytes(length);
        let counted = 0;
        const source = { length, open: () => Readable.from(pieces(bytes), { objectMode: false }) };
        await store.putBlob('blobs/sha256/ab/blob', source, (count) => {
          counted += count;
        });
        expect(counted).toBe(length);
        expect(await store.stat('blobs/sha256/ab/blob')).toEqual({ length });
        const back: Buffer[] = [];
        for await (const chunk of await objectStream(store, 'blobs/sha256/ab/blob')) back.push(chunk);
        expect(Buffer.concat(back).equals(bytes)).toBe(true);
      });
    }

    for (const length of [0, 1000, 17 * 1024 * 1024]) {
      it(`tells a blob of ${length} bytes from others of that length, from shorter ones and from none`, async () => {
        const store = another();
        const bytes = randomBytes(length);
        const other = Buffer.concat([Buffer.from([(bytes[0] ?? 0) ^ 1]), bytes.subarray(1)]);
        const open = () => Readable.from(pieces(bytes), { objectMode: false });
        const known = { length, sha256: createHash('sha256').update(bytes).digest('hex'), open };
        const key = `blobs/sha256/ab/held-${length}`;
        expect(await store.holds(key, known)).toBe('absent');
        await store.putBlob(key, known);
        expect(await store.holds(key, known)).toBe('same');
        if (length === 0) return;
        await store.putBlob(key, { length, open: () => Readable.from(pieces(other), { objectMode: false }) });
        expect(await store.holds(key, known)).toBe('other');
        await store.putBlob(key, {
          length: 1,
          open: () => Readable.from([bytes.subarray(0, 1)], { objectMode: false }),
        });
        expect(await store.holds(key, known)).toBe('other');
      });
    }

    for (const [what, declared] of [
      ['fewer', 2_000_000],
      ['more', 10],
    ] as const) {
      it(`shows nothing of a blob whose source gave ${what === 'fewer' ? 'fewer' : 'more'} bytes than declared`, async () => {
        const store = another();
        const source = { length: declared, open: () => Readable.from([randomBytes(1000)], { objectMode: false }) };
        expect(await codeOf(store.putBlob('blobs/sha256/ab/short', source))).toBe('length-mismatch');
        expect(await store.stat('blobs/sha256/ab/short')).toBeUndefined();
      });
    }

    it('shows at once that another publisher replaced an object', async () => {
      const [store, other] = [another(), another()];
      const put = (by: StoreWriter, bytes: Buffer) =>
        by.putBlob('blobs/sha256/ab/replaced', { length: bytes.length, open: () => Readable.from([bytes]) });
      await put(store, text('damaged'));
      expect(await store.stat('blobs/sha256/ab/replaced')).toEqual({ length: 7 });
      await put(other, text('whole again'));
      expect(await store.stat('blobs/sha256/ab/replaced')).toEqual({ length: 11 });
      expect(await streamText(await objectStream(store, 'blobs/sha256/ab/replaced'))).toBe('whole again');
    });

    it('shows nothing of a large blob whose source failed half-way', async () => {
      const store = another();
      async function* failing() {
        yield randomBytes(6 * 1024 * 1024);
        throw new Error('the disk is gone');
      }
      const source = { length: 40 * 1024 * 1024, open: () => Readable.from(failing(), { objectMode: false }) };
      expect(await codeOf(store.putBlob('blobs/sha256/ab/torn', source))).not.toBe('no error');
      expect(await store.stat('blobs/sha256/ab/torn')).toBeUndefined();
    });
  });
}

function* pieces(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
}
