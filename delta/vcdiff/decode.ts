/**
 * Decodes a VCDIFF delta (RFC 3284) against an old file, window by window. Memory: one target window and its three
 * sections (contract/limits.ts) and 8 MiB of the old file, whatever the length of old and new. It proves nothing about
 * the result: the caller compares length and digest.
 *
 * Read: the default code table, source segments, xdelta3's checksum and application header; what `xdelta3 -e -S none`
 * and the node binding write. Refused with a code of its own: secondary compression, code tables in the delta, windows
 * that copy from earlier target windows.
 */

import { SlipwayError } from '../../contract/errors.ts';
import type { ByteSource } from '../byte-source.ts';
import { adler32 } from './adler32.ts';
import { DeltaStream } from './delta-stream.ts';
import { readHeader } from './header.ts';
import { SourceCache } from './source-cache.ts';
import { TargetWindow } from './target-window.ts';
import { readWindowHeader } from './window-header.ts';

/** Largest piece that is handed out. */
const pieceBytes = 256 * 1024;
const firstBufferBytes = 64 * 1024;

/**
 * The new file in order, in pieces of at most 256 KiB. The generator returns the number of bytes decoded.
 *
 * A piece is valid until the next one is asked for: it is a view of the target window, whose memory is used again.
 * Write or hash it before going on (`for await` with an awaited write); a receiver that queues pieces, as a stream
 * does, must copy them.
 * @param source the old file; asked only for the ranges that are copied, rounded to blocks of 4 KiB
 * @param delta in chunks of any length; let go when the generator ends or its consumer stops
 * @param expectedLength when given, stops at the first window that would exceed it (a small delta can expand without
 *   end) and at an end before it
 * @throws SlipwayError a code `vcdiff-*`; `length-mismatch` against `expectedLength`; what source and delta throw
 */
export async function* decodeVcdiff(
  source: ByteSource,
  delta: AsyncIterable<Uint8Array>,
  expectedLength?: number,
): AsyncGenerator<Uint8Array, number> {
  const stream = new DeltaStream(delta);
  const window = new TargetWindow(new SourceCache(source));
  const targetBuffer = new WindowBuffer();
  const sectionBuffers = { data: new WindowBuffer(), instructions: new WindowBuffer(), addresses: new WindowBuffer() };
  let total = 0;
  try {
    await readHeader(stream);
    for (;;) {
      const header = await readWindowHeader(stream, source.length);
      if (header === undefined) break;
      if (expectedLength !== undefined && total + header.targetLength > expectedLength) {
        throw wrongLength(expectedLength, `at least ${total + header.targetLength}`);
      }
      const data = sectionBuffers.data.ofLength(header.dataLength);
      await stream.readInto(data, 'data section');
      const instructions = sectionBuffers.instructions.ofLength(header.instructionsLength);
      await stream.readInto(instructions, 'instruction section');
      const addresses = sectionBuffers.addresses.ofLength(header.addressesLength);
      await stream.readInto(addresses, 'address section');

      const target = targetBuffer.ofLength(header.targetLength);
      window.fill(target, header, { data, instructions, addresses });
      if (header.adler32 !== undefined && adler32(target) !== header.adler32) {
        throw new SlipwayError(
          'vcdiff-checksum-mismatch',
          `the window at ${total} of the new file has another Adler-32`,
          {
            hint: 'The old file is not the one the delta was made from, or the delta is damaged.',
          },
        );
      }
      total += target.length;
      for (let start = 0; start < target.length; start += pieceBytes) yield target.subarray(start, start + pieceBytes);
    }
    if (expectedLength !== undefined && total !== expectedLength) throw wrongLength(expectedLength, `${total}`);
    return total;
  } finally {
    await stream.close();
  }
}

function wrongLength(expected: number, found: string): SlipwayError {
  return new SlipwayError('length-mismatch', `the delta makes ${found} bytes, expected ${expected}`);
}

/** Memory that is used again for every window and grows to the largest. */
class WindowBuffer {
  private bytes = new Uint8Array(0);

  ofLength(length: number): Uint8Array<ArrayBuffer> {
    if (length > this.bytes.length) {
      this.bytes = new Uint8Array(Math.max(length, firstBufferBytes));
    }
    return this.bytes.subarray(0, length);
  }
}
