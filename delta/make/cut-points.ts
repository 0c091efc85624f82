/**
 * Chooses where a long stretch of bytes is cut: at places that its content chooses (a rolling hash over 32 bytes), so
 * that bytes that come or go move the cuts around them and no others. The same bytes are cut alike on every machine.
 */
import type { Chunked } from './likeness.ts';

export interface PieceSizes {
  /** Bytes; only the last piece is shorter. */
  readonly minBytes: number;
  readonly maxBytes: number;
  /** Beyond the least length one place in 2^bits is a cut. */
  readonly bits: number;
}

/** An encoder needs 13 times as many bytes as a piece has and 160 MiB: 604 MB for the longest. */
export const pieceSizes: PieceSizes = { minBytes: 4 * 2 ** 20, maxBytes: 32 * 2 ** 20, bits: 23 };

const hashedBytes = 32;
const gear = gearTable();

/** Lengths of the pieces, in order. */
export function cutLengths(range: Chunked, { minBytes, maxBytes, bits }: PieceSizes): number[] {
  const lengths: number[] = [];
  const shift = 32 - bits;
  let hash = 0;
  let length = 0;
  for (const chunk of range.chunks(2 ** 20)) {
    for (let at = 0; at < chunk.length; ) {
      // What lies before the least length needs no hash, but for the bytes that the first one covers.
      const skipped = Math.min(Math.max(minBytes - hashedBytes - length, 0), chunk.length - at);
      at += skipped;
      length += skipped;
      if (at === chunk.length) break;
      hash = ((hash << 1) + (gear[chunk[at] as number] as number)) | 0;
      at++;
      length++;
      if ((length >= minBytes && hash >>> shift === 0) || length >= maxBytes) {
        lengths.push(length);
        hash = 0;
        length = 0;
      }
    }
  }
  return length > 0 ? [...lengths, length] : lengths;
}

/** A random word for each byte, always the same (xorshift). */
function gearTable(): Int32Array {
  const table = new Int32Array(256);
  let state = 0x2545f491;
  for (let byte = 0; byte < table.length; byte++) {
    for (let round = 0; round < 4; round++) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
    }
    table[byte] = state;
  }
  return table;
}
