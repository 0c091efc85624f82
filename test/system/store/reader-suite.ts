/** What every store must do that is read, whatever it is made of, and whether it can be written or not. */
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { objectStream } from '../../../system/store/object-stream.ts';
import type { OpenObject, StoreReader } from '../../../system/store/reader.ts';

export interface FilledStore {
  readonly reader: StoreReader;
  /** Puts an object where the reader finds it. */
  put(key: string, bytes: Uint8Array): Promise<void>;
  dispose(): Promise<void>;
}

const content = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7) % 253));
const key = `blobs/sha256/ab/ab${'0'.repeat(62)}`;

const empty = 'blobs/sha256/00/empty';

/** All that it gives, taken in pieces of an odd size. */
async function allOf(object: OpenObject): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for (;;) {
    const into = Buffer.alloc(70_001);
    const count = await object.read(into);
    if (count === 0) break;
    pieces.push(into.subarray(0, count));
  }
  object.close();
  return Buffer.concat(pieces);
}

export function storeReaderSuite(name: string, make: () => Promise<FilledStore>): void {
  describe(`a store that is read, over ${name}`, () => {
    let store: FilledStore;
    let reader: StoreReader;
    beforeAll(async () => {
      store = await make();
      reader = store.reader;
      await store.put(key, content);
      await store.put(empty, Buffer.alloc(0));
    });
    afterAll(() => store.dispose());

    it('knows the length of an object', async () => {
      expect(await reader.stat(key)).toEqual({ length: content.length });
      expect(await reader.stat(empty)).toEqual({ length: 0 });
    });

    it('says that an object is not there', async () => {
      expect(await reader.stat('blobs/none')).toBeUndefined();
      expect(await reader.open('blobs/none', undefined)).toBeUndefined();
      expect(await reader.readWhole('blobs/none', 10)).toBeUndefined();
      expect(await reader.stat('blobs/sha256')).toBeUndefined();
    });

    it.each([
      [0, 0],
      [0, 299_999],
      [131_071, 131_073],
      [299_999, 299_999],
    ])('gives the bytes from %i to %i', async (first, last) => {
      const opened = await reader.open(key, { first, last });
      if (!opened) throw new Error('the object is there');
      expect(opened.length).toBe(last - first + 1);
      expect((await allOf(opened)).equals(content.subarray(first, last + 1))).toBe(true);
    });

    it('gives an object whole, as a stream and at once', async () => {
      const opened = await reader.open(key, undefined);
      if (!opened) throw new Error('the object is there');
      expect((await allOf(opened)).equals(content)).toBe(true);
      const whole = await reader.readWhole(key, content.length);
      expect(content.equals(whole?.bytes ?? Buffer.alloc(0))).toBe(true);
      expect((await buffer(await objectStream(reader, key))).equals(content)).toBe(true);
    });

    it('gives an object of no bytes', async () => {
      const opened = await reader.open(empty, undefined);
      expect(opened?.length).toBe(0);
      expect(opened && (await allOf(opened))).toEqual(Buffer.alloc(0));
      expect((await reader.readWhole(empty, 10))?.bytes).toHaveLength(0);
      expect(await buffer(await objectStream(reader, empty))).toHaveLength(0);
    });

    it('lets go of a stream that is left before its end', async () => {
      const stream = await objectStream(reader, key);
      for await (const piece of stream) {
        expect(piece.length).toBeGreaterThan(0);
        break;
      }
      expect(stream.destroyed).toBe(true);
      (await objectStream(reader, key)).destroy();
      await expect(objectStream(reader, 'blobs/none')).rejects.toMatchObject({ code: 'object-missing' });
    });

    it('refuses to read an object at once that is longer than allowed', async () => {
      await expect(reader.readWhole(key, content.length - 1)).rejects.toMatchObject({ code: 'metadata-too-large' });
    });

    it('marks a change of content by another etag, and the same content by the same', async () => {
      const etag = async () => (await reader.readWhole('metadata/timestamp.json', 100))?.etag;
      await store.put('metadata/timestamp.json', Buffer.from('one'));
      const first = await etag();
      expect(await etag()).toBe(first);
      await store.put('metadata/timestamp.json', Buffer.from('two'));
      expect(await etag()).not.toBe(first);
    });

    it('lets go of an object that is closed before its end, and gives others meanwhile', async () => {
      for (let i = 0; i < 20; i++) {
        const [left, read] = await Promise.all([reader.open(key, undefined), reader.open(key, undefined)]);
        await left?.read(Buffer.alloc(10));
        left?.close();
        if (read) expect((await allOf(read)).equals(content)).toBe(true);
      }
      expect(await reader.stat(key)).toEqual({ length: content.length });
    });
  });
}
