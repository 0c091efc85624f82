import { expect, test } from 'vitest';
import { memorySource } from '../../../delta/byte-source.ts';
import { adler32 } from '../../../delta/vcdiff/adler32.ts';
import { decodeVcdiff } from '../../../delta/vcdiff/decode.ts';
import { decodeAll, guardedSource, inChunks, outcomeOf } from './decode-all.ts';
import { ascii, deltaOf, magic, plainHeader, varint, windowOf } from './delta-writer.ts';

const nothing = new Uint8Array(0);
const addOf = (text: string) => ({
  targetLength: text.length,
  data: ascii(text),
  instructions: [0x01, ...varint(text.length)],
});

test('decodes the example of RFC 3284 section 3', async () => {
  const delta = deltaOf({
    source: { length: 16, position: 0 },
    targetLength: 28,
    data: ascii('wxyzz'),
    // COPY 4 from 0, ADD 4, COPY 4 from 4, COPY 12 from 24 (overlaps what it makes), RUN 4.
    instructions: [20, 5, 20, 28, 0x00, 4],
    addresses: [0, 4, 24],
  });
  const decoded = await decodeAll(Buffer.from('abcdefghijklmnop'), delta);
  expect(decoded.toString()).toBe('abcdwxyzefghefghefghefghzzzz');
});

test('decodes both halves of a double instruction', async () => {
  const delta = deltaOf({
    source: { length: 8, position: 0 },
    targetLength: 10,
    data: ascii('+-'),
    // ADD 1 + COPY 4 mode 0, COPY 4 mode 0 + ADD 1.
    instructions: [163, 247],
    addresses: [0, 4],
  });
  expect((await decodeAll(Buffer.from('abcdefgh'), delta)).toString()).toBe('+abcdefgh-');
});

test('counts addresses from the source segment, wherever it lies in the old file', async () => {
  const delta = deltaOf({
    source: { length: 4, position: 10 },
    targetLength: 4,
    instructions: [20],
    addresses: [0],
  });
  expect((await decodeAll(Buffer.from('0123456789abcdef'), delta)).toString()).toBe('abcd');
});

test('a copy may run from the source segment into the target window', async () => {
  const delta = deltaOf({
    source: { length: 4, position: 0 },
    targetLength: 10,
    data: ascii('XY'),
    instructions: [3, 19, 8],
    addresses: [2],
  });
  expect((await decodeAll(Buffer.from('abcd'), delta)).toString()).toBe('XYcdXYcdXY');
});

test.each([1, 2, 3, 31, 32, 33, 500])('repeats what a copy of itself makes, with period %d', async (period) => {
  const seed = Array.from({ length: period }, (_, i) => (i * 7 + 1) & 255);
  const size = 5000;
  const delta = deltaOf({
    targetLength: period + size,
    data: seed,
    instructions: [1, ...varint(period), 19, ...varint(size)],
    addresses: [0],
  });
  const expected = Buffer.from(Array.from({ length: period + size }, (_, i) => seed[i % period] ?? 0));
  expect((await decodeAll(nothing, delta)).equals(expected)).toBe(true);
});

test.each([1, 2, 5, 1000])('gives the same bytes when the delta comes in chunks of %d', async (chunkBytes) => {
  const delta = deltaOf(addOf('one '), addOf('two '), { targetLength: 3, data: [33], instructions: [0, 3] });
  expect((await decodeAll(nothing, delta, { chunkBytes })).toString()).toBe('one two !!!');
});

test('accepts empty chunks, an empty window and a delta without windows', async () => {
  async function* withEmptyChunks() {
    for (const byte of deltaOf({ targetLength: 0 }, addOf('x'))) {
      yield nothing;
      yield Uint8Array.of(byte);
    }
  }
  const pieces: Uint8Array[] = [];
  for await (const piece of decodeVcdiff(memorySource(nothing), withEmptyChunks())) pieces.push(piece);
  expect(Buffer.concat(pieces).toString()).toBe('x');
  expect(await decodeAll(nothing, Uint8Array.from(plainHeader))).toHaveLength(0);
});

test('skips an application header', async () => {
  const name = ascii('k3s//k3s-old/');
  const delta = Uint8Array.from([...magic, 0x04, ...varint(name.length), ...name, ...windowOf(addOf('hello'))]);
  expect((await decodeAll(nothing, delta, { chunkBytes: 3 })).toString()).toBe('hello');
});

test('checks the Adler-32 of a window that has one', async () => {
  const right = adler32(Buffer.from('hello'));
  expect((await decodeAll(nothing, deltaOf({ ...addOf('hello'), adler32: right }))).toString()).toBe('hello');
  expect(await outcomeOf(nothing, deltaOf({ ...addOf('hello'), adler32: right ^ 1 }))).toBe('vcdiff-checksum-mismatch');
});

test('returns the number of bytes decoded', async () => {
  const decoding = decodeVcdiff(memorySource(nothing), inChunks(deltaOf(addOf('abc'), addOf('de')), 4));
  for (;;) {
    const step = await decoding.next();
    if (step.done !== true) continue;
    expect(step.value).toBe(5);
    break;
  }
});

test('stops before the first window that exceeds the expected length', async () => {
  const bomb = deltaOf(
    ...new Array(50).fill({ targetLength: 2 ** 20, data: [0], instructions: [0, ...varint(2 ** 20)] }),
  );
  const decoding = decodeVcdiff(memorySource(nothing), inChunks(bomb, 64), 3 * 2 ** 20);
  let bytes = 0;
  const drain = async () => {
    for await (const piece of decoding) bytes += piece.length;
  };
  await expect(drain()).rejects.toMatchObject({ code: 'length-mismatch' });
  expect(bytes).toBe(3 * 2 ** 20);
});

test('a delta that makes fewer bytes than expected is refused', async () => {
  expect(await outcomeOf(nothing, deltaOf(addOf('abc')), { expectedLength: 4 })).toBe('length-mismatch');
  expect(await outcomeOf(nothing, deltaOf(addOf('abc')), { expectedLength: 3 })).toEqual(Buffer.from('abc'));
});

test('memory of one window serves the next: no more than the largest is held', async () => {
  const memories = new Set<ArrayBufferLike>();
  const window = { targetLength: 2 ** 20, data: [7], instructions: [0, ...varint(2 ** 20)] };
  const delta = inChunks(deltaOf(window, window, window), 1000);
  for await (const piece of decodeVcdiff(memorySource(nothing), delta)) memories.add(piece.buffer);
  expect(memories.size).toBe(1);
});

test('lets the delta go when the consumer stops early and when decoding fails', async () => {
  let released = 0;
  async function* watched(bytes: Uint8Array) {
    try {
      yield* inChunks(bytes, 7);
    } finally {
      released++;
    }
  }
  for await (const _piece of decodeVcdiff(memorySource(nothing), watched(deltaOf(addOf('abc'), addOf('def'))))) break;
  expect(released).toBe(1);
  const failing = decodeVcdiff(memorySource(nothing), watched(Uint8Array.from(ascii('not a delta at all'))));
  await expect(failing.next()).rejects.toMatchObject({ code: 'vcdiff-malformed' });
  expect(released).toBe(2);
});

test('an error of the delta reaches the consumer as it is', async () => {
  const failure = new Error('connection lost');
  async function* broken() {
    yield deltaOf(addOf('abc')).subarray(0, 9);
    throw failure;
  }
  await expect(decodeVcdiff(memorySource(nothing), broken()).next()).rejects.toBe(failure);
});

test('reads of the old file only blocks that copies touch, though the source segment is all of it', async () => {
  const old = Buffer.alloc(4 * 2 ** 20, 'slipway');
  const source = guardedSource(old);
  const delta = deltaOf({
    source: { length: old.length, position: 0 },
    targetLength: 8 + 100_000,
    instructions: [24, 19, ...varint(100_000)],
    addresses: [...varint(1_000_000), ...varint(2_000_001)],
  });
  const decoded = await decodeAll(source, delta);
  const expected = [old.subarray(1_000_000, 1_000_008), old.subarray(2_000_001, 2_100_001)];
  expect(decoded.equals(Buffer.concat(expected))).toBe(true);
  expect(source.reads).toEqual([
    { offset: 244 * 4096, length: 4096 },
    { offset: 2_000_001, length: 100_000 },
  ]);
});
