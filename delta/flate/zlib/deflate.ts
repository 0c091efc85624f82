/**
 * Writes a raw DEFLATE stream as zlib's deflate does, as pigz strings it together from blocks of 128 KiB, and as its
 * relatives in GNU gzip, Info-ZIP and Node do.
 */
import { BitWriter, type Emit } from '../bit-writer.ts';
import type { DeflateEncoder } from '../encoder.ts';
import { ZlibBlockWriter } from './block-writer.ts';
import { ZlibCompressor } from './match-compressor.ts';
import { isGreedy } from './tuning.ts';

const pigzBlockBytes = 128 * 1024;
const historyBytes = 32 * 1024;

/** deflateInit2 with a raw stream, memLevel 8; @param level 1 to 9 */
export function createZlibDeflate(level: number, emit: Emit): DeflateEncoder {
  const bits = new BitWriter(emit);
  return oneStream(bits, new ZlibCompressor(level, new ZlibBlockWriter(bits)));
}

/**
 * GNU gzip 1.3 and later, and zip 3.0 of Info-ZIP where nothing was left in its memory by the file before.
 * @param level 1 to 9
 */
export function createGzipDeflate(level: number, emit: Emit): DeflateEncoder {
  const bits = new BitWriter(emit);
  // Levels 1 and 2 never look whether a block does well. A lazy compressor is one byte ahead of the symbols it takes.
  const lookAhead = level <= 2 ? undefined : isGreedy(level) ? 0 : 1;
  const blocks = new ZlibBlockWriter(bits, { symbols: 1 << 15, lookAhead });
  return oneStream(bits, new ZlibCompressor(level, blocks, 'gzip'));
}

/** Chromium's zlib as Node drives it: a raw stream, memLevel 8, without flushes. @param level 1 to 9 */
export function createChromiumDeflate(level: number, emit: Emit): DeflateEncoder {
  const bits = new BitWriter(emit);
  return oneStream(bits, new ZlibCompressor(level, new ZlibBlockWriter(bits), 'chromium'));
}

function oneStream(bits: BitWriter, compressor: ZlibCompressor): DeflateEncoder {
  return {
    write: (bytes) => compressor.write(bytes),
    finish() {
      compressor.flush(true);
      bits.flush();
    },
  };
}

/**
 * pigz 2.3 and later with its defaults but for the level: every 128 KiB begin anew with the 32 KiB before as history
 * and end at a byte boundary, by empty fixed blocks where these can reach it, else by an empty stored one.
 */
export function createPigzDeflate(level: number, emit: Emit): DeflateEncoder {
  const bits = new BitWriter(emit);
  const blocks = new ZlibBlockWriter(bits);
  const compressor = new ZlibCompressor(level, blocks);
  const job = new Uint8Array(pigzBlockBytes);
  let history = new Uint8Array(0);
  let filled = 0;
  const compress = (last: boolean) => {
    compressor.restart(history);
    compressor.write(job.subarray(0, filled));
    compressor.flush(last);
    if (last) return;
    if ((bits.pendingBits & 1) !== 0) blocks.stored(new Uint8Array(0), false);
    else while (bits.pendingBits !== 0) bits.put(2, 10);
    history = job.slice(Math.max(0, filled - historyBytes), filled);
    filled = 0;
  };
  return {
    write(bytes) {
      for (let offset = 0; offset < bytes.length; ) {
        // A full block waits, since pigz knows of more input when it starts one.
        if (filled === pigzBlockBytes) compress(false);
        const take = Math.min(bytes.length - offset, pigzBlockBytes - filled);
        job.set(bytes.subarray(offset, offset + take), filled);
        filled += take;
        offset += take;
      }
    },
    finish() {
      compress(true);
      bits.flush();
    },
  };
}
