/** Runs the decoder over bytes in memory, and watches what it reads of the old file. */

import { SlipwayError } from '../../../contract/errors.ts';
import type { ByteSource } from '../../../delta/byte-source.ts';
import { decodeVcdiff } from '../../../delta/vcdiff/decode.ts';

/** An old file that refuses, as a plain Error, to be read outside of its bytes. */
export function guardedSource(
  bytes: Uint8Array,
): ByteSource & { readonly reads: { offset: number; length: number }[] } {
  const reads: { offset: number; length: number }[] = [];
  return {
    length: bytes.length,
    reads,
    readInto(target, offset) {
      if (!(offset >= 0 && offset + target.length <= bytes.length)) {
        throw new RangeError(`read of ${target.length} bytes at ${offset} of ${bytes.length}`);
      }
      reads.push({ offset, length: target.length });
      target.set(bytes.subarray(offset, offset + target.length));
    },
  };
}

export async function* inChunks(bytes: Uint8Array, chunkBytes: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
}

export async function decodeAll(
  old: Uint8Array | ByteSource,
  delta: Uint8Array,
  options: { chunkBytes?: number; expectedLength?: number } = {},
): Promise<Buffer> {
  const source = old instanceof Uint8Array ? guardedSource(old) : old;
  const pieces: Uint8Array[] = [];
  const chunks = inChunks(delta, options.chunkBytes ?? Math.max(delta.length, 1));
  for await (const piece of decodeVcdiff(source, chunks, options.expectedLength)) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces);
}

/** The code that decoding ends with, or the bytes it gives; what is not a SlipwayError is thrown. */
export async function outcomeOf(
  old: Uint8Array,
  delta: Uint8Array,
  options: { chunkBytes?: number; expectedLength?: number } = {},
): Promise<string | Buffer> {
  try {
    return await decodeAll(old, delta, options);
  } catch (error) {
    if (error instanceof SlipwayError) return error.code;
    throw error;
  }
}
