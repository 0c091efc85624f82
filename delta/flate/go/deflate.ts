/** Picks the compressor of a level as compress/flate's NewWriter does, and ends the stream as Writer.Close does. */
import { BitWriter, type Emit } from '../bit-writer.ts';
import type { DeflateEncoder } from '../encoder.ts';
import { GoBlockWriter } from './block-writer.ts';
import { ChainCompressor } from './chain-compressor.ts';
import { SpeedCompressor } from './speed-compressor.ts';
import { HuffmanCompressor, StoreCompressor } from './window-compressor.ts';

/** What a level does between the writes and the end of the stream. */
export interface GoCompressor {
  write(bytes: Uint8Array): void;
  /** Writes every block that is still open. */
  flush(): void;
}

/** @param level -2 (Huffman only), -1 (which is 6), 0 (stored) to 9 */
export function createGoDeflate(level: number, emit: Emit): DeflateEncoder {
  const bits = new BitWriter(emit);
  const blocks = new GoBlockWriter(bits);
  const compressor = compressorOf(level, blocks);
  return {
    write: (bytes) => compressor.write(bytes),
    finish() {
      compressor.flush();
      blocks.storedHeader(0, true);
      bits.align();
      bits.flush();
    },
  };
}

function compressorOf(level: number, blocks: GoBlockWriter): GoCompressor {
  if (level === -2) return new HuffmanCompressor(blocks);
  if (level === 0) return new StoreCompressor(blocks);
  if (level === 1) return new SpeedCompressor(blocks);
  return new ChainCompressor(level === -1 ? 6 : level, blocks);
}
