/**
 * Gathers 65,535 bytes and writes them as one block, as the compressors of compress/flate for stored and Huffman only
 * do (deflate.go of Go 1.19, BSD licence, The Go Authors; see ../LICENSE-go.txt). The speed compressor gathers the same
 * way.
 */
import { type GoBlockWriter, maxStoredBytes } from './block-writer.ts';
import type { GoCompressor } from './deflate.ts';

export abstract class WindowCompressor implements GoCompressor {
  readonly #window = new Uint8Array(maxStoredBytes);
  #filled = 0;

  write(bytes: Uint8Array): void {
    for (let offset = 0; offset < bytes.length; ) {
      // Go looks before it fills, so a full window waits for the next byte; only the end of the stream can tell.
      if (this.#filled === maxStoredBytes) this.#step(false);
      const take = Math.min(bytes.length - offset, maxStoredBytes - this.#filled);
      this.#window.set(bytes.subarray(offset, offset + take), this.#filled);
      this.#filled += take;
      offset += take;
    }
  }

  flush(): void {
    if (this.#filled > 0) this.#step(true);
  }

  #step(last: boolean): void {
    this.block(this.#window.subarray(0, this.#filled), last);
    this.#filled = 0;
  }

  /** Writes one block of 1 to 65,535 bytes; fewer than that only when `last`. */
  protected abstract block(bytes: Uint8Array, last: boolean): void;
}

export class StoreCompressor extends WindowCompressor {
  readonly #blocks: GoBlockWriter;

  constructor(blocks: GoBlockWriter) {
    super();
    this.#blocks = blocks;
  }

  protected override block(bytes: Uint8Array): void {
    this.#blocks.stored(bytes);
  }
}

export class HuffmanCompressor extends WindowCompressor {
  readonly #blocks: GoBlockWriter;

  constructor(blocks: GoBlockWriter) {
    super();
    this.#blocks = blocks;
  }

  protected override block(bytes: Uint8Array): void {
    this.#blocks.huffmanOnly(bytes);
  }
}
