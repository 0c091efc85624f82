/** Files and edits of them for property tests: what differs between two builds, in small. */
import fc from 'fast-check';

/** Replaces `remove` bytes at the fraction `at` of a file by `insert`. */
export interface Edit {
  readonly at: number;
  readonly remove: number;
  readonly insert: Uint8Array;
}

export function edits(maxLength: number): fc.Arbitrary<Edit[]> {
  return fc.array(
    fc.record({
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      remove: fc.integer({ min: 0, max: 60 }),
      insert: fc.uint8Array({ maxLength: 60 }),
    }),
    { maxLength },
  );
}

export function edited(file: Uint8Array, changes: readonly Edit[]): Uint8Array {
  let result = Buffer.from(file);
  for (const { at, remove, insert } of changes) {
    const position = Math.floor(at * result.length);
    result = Buffer.concat([result.subarray(0, position), insert, result.subarray(position + remove)]);
  }
  return new Uint8Array(result);
}

/** Bytes that look random but are the same for the same `seed`. */
export function numberedBytes(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = seed * 2654435761;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

/** Up to `maxLength` bytes: random ones, runs of one byte, and repeats of a few. */
export function mixedBytes(maxLength: number): fc.Arbitrary<Uint8Array> {
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.tuple(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 1, max: 300 })).map(([byte, times]) => {
      return new Uint8Array(times).fill(byte);
    }),
    fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 200 })).map(([seed, length]) => {
      return numberedBytes(length, seed);
    }),
  );
  return fc
    .array(piece, { maxLength: 30 })
    .map((pieces) => new Uint8Array(Buffer.concat(pieces)).subarray(0, maxLength));
}
