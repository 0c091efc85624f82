/**
 * Serves short reads of the old file from a few recently read blocks: deltas of programs copy millions of short runs
 * that lie near one another. Long reads go past the cache, straight into the caller's buffer.
 */
import type { ByteSource } from '../byte-source.ts';

const blockBytes = 4 * 1024;
/** A block lies in the slot of its number modulo this; 8 MiB in all. */
const slots = 2048;
/** From here on one read is cheaper than filling blocks. */
const directBytes = 2 * blockBytes;

export class SourceCache {
  private readonly source: ByteSource;
  /** Allocated at the first short read, so that a delta without copies costs nothing. */
  private blocks: Uint8Array | undefined;
  /** Number of the block that each slot holds; -1 when none. */
  private readonly held = new Float64Array(slots).fill(-1);

  constructor(source: ByteSource) {
    this.source = source;
  }

  /** Copies `length` bytes at `offset` of the old file to `at` in `target`; the caller has checked both ranges. */
  copyInto(target: Uint8Array, at: number, offset: number, length: number): void {
    if (length >= directBytes) {
      this.source.readInto(target.subarray(at, at + length), offset);
      return;
    }
    let to = at;
    let from = offset;
    const end = at + length;
    while (to < end) {
      const block = Math.floor(from / blockBytes);
      const inBlock = from - block * blockBytes;
      const count = Math.min(end - to, blockBytes - inBlock);
      const blocks = this.blocks ?? this.allocate();
      const start = this.load(blocks, block) + inBlock;
      if (count < 32) {
        for (let i = 0; i < count; i++) target[to + i] = blocks[start + i] as number;
      } else {
        target.set(blocks.subarray(start, start + count), to);
      }
      to += count;
      from += count;
    }
  }

  /** Where in `blocks` the block lies. A read that fails ends the decoding, and this cache with it. */
  private load(blocks: Uint8Array, block: number): number {
    const slot = block % slots;
    const start = slot * blockBytes;
    if (this.held[slot] === block) return start;
    const offset = block * blockBytes;
    const count = Math.min(blockBytes, this.source.length - offset);
    this.source.readInto(blocks.subarray(start, start + count), offset);
    this.held[slot] = block;
    return start;
  }

  private allocate(): Uint8Array {
    this.blocks = new Uint8Array(slots * blockBytes);
    return this.blocks;
  }
}
