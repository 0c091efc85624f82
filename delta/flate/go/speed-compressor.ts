/**
 * Compresses as level 1 of compress/flate does: the Snappy-like matcher of deflatefast.go with its table of last
 * positions and its look back into the previous block. Ported from Go 1.19 (BSD licence, The Go Authors; see
 * ../LICENSE-go.txt).
 */
import { maxMatch } from '../length-and-distance.ts';
import { type GoBlockWriter, matchToken, maxStoredBytes } from './block-writer.ts';
import { WindowCompressor } from './window-compressor.ts';

const tableSize = 1 << 14;
const maxDistance = 1 << 15;
const inputMargin = 15;
const minMatchedBlock = 1 + 1 + inputMargin;
/** Go keeps positions in 32 bits and renumbers them here. */
const renumberAt = 0x7fffffff - maxStoredBytes * 2;

export class SpeedCompressor extends WindowCompressor {
  readonly #blocks: GoBlockWriter;
  readonly #tokens = new Uint32Array(maxStoredBytes + 1);
  #tokenCount = 0;
  /** Four bytes (little endian) last seen with a hash, and where: a position that counts on over blocks. */
  readonly #values = new Int32Array(tableSize);
  readonly #positions = new Int32Array(tableSize);
  readonly #previous = new Uint8Array(maxStoredBytes);
  #previousLength = 0;
  /** Position of the block's first byte. */
  #base = maxStoredBytes;

  constructor(blocks: GoBlockWriter) {
    super();
    this.#blocks = blocks;
  }

  protected override block(bytes: Uint8Array, last: boolean): void {
    if (last && bytes.length < 128) {
      if (bytes.length <= 16) this.#blocks.stored(bytes);
      else this.#blocks.huffmanOnly(bytes);
      return;
    }
    this.#match(bytes);
    const tokens = this.#tokens.subarray(0, this.#tokenCount);
    if (tokens.length > bytes.length - (bytes.length >> 4)) this.#blocks.huffmanOnly(bytes);
    else this.#blocks.dynamic(tokens, bytes);
  }

  #match(source: Uint8Array): void {
    this.#tokenCount = 0;
    if (this.#base >= renumberAt) this.#renumber();
    if (source.length < minMatchedBlock) {
      this.#base += maxStoredBytes;
      this.#previousLength = 0;
      this.#literals(source, 0, source.length);
      return;
    }
    const emitted = this.#scan(source);
    this.#literals(source, emitted, source.length);
    this.#base += source.length;
    this.#previous.set(source);
    this.#previousLength = source.length;
  }

  /** Finds the matches of a block; answers how many of its bytes are in tokens. */
  #scan(source: Uint8Array): number {
    const values = this.#values;
    const positions = this.#positions;
    const base = this.#base;
    const limit = source.length - inputMargin;
    let emitted = 0;
    let position = 0;
    let value = load32(source, 0);
    let nextHash = hashOf(value);
    for (;;) {
      let skip = 32;
      let next = position;
      let candidate: number;
      for (;;) {
        position = next;
        const step = skip >> 5;
        next = position + step;
        skip += step;
        if (next > limit) return emitted;
        candidate = positions[nextHash] as number;
        const candidateValue = values[nextHash] as number;
        const ahead = load32(source, next);
        positions[nextHash] = position + base;
        values[nextHash] = value;
        nextHash = hashOf(ahead);
        if (position - (candidate - base) > maxDistance || value !== candidateValue) {
          value = ahead;
          continue;
        }
        break;
      }
      this.#literals(source, emitted, position);
      for (;;) {
        position += 4;
        const from = candidate - base + 4;
        const length = this.#extend(source, position, from);
        // One token of `length + 4` bytes, as length less 3 and distance less 1.
        this.#tokens[this.#tokenCount++] = matchToken + ((length + 1) << 22) + (position - from - 1);
        position += length;
        emitted = position;
        if (position >= limit) return emitted;

        const before = load32(source, position - 1);
        const beforeHash = hashOf(before);
        positions[beforeHash] = base + position - 1;
        values[beforeHash] = before;
        const here = load32(source, position);
        const hereHash = hashOf(here);
        candidate = positions[hereHash] as number;
        const candidateValue = values[hereHash] as number;
        positions[hereHash] = base + position;
        values[hereHash] = here;
        if (position - (candidate - base) > maxDistance || here !== candidateValue) {
          value = load32(source, position + 1);
          nextHash = hashOf(value);
          position++;
          break;
        }
      }
    }
  }

  /** Bytes that match on from `position` and `from`; a negative `from` lies in the previous block. */
  #extend(source: Uint8Array, position: number, from: number): number {
    const end = Math.min(source.length, position + maxMatch - 4);
    let length = 0;
    let inBlock = from;
    if (from < 0) {
      const start = this.#previousLength + from;
      if (start < 0) return 0;
      const room = Math.min(this.#previousLength - start, end - position);
      while (length < room && source[position + length] === this.#previous[start + length]) length++;
      if (length < room || position + length === end) return length;
      inBlock = -length;
    }
    while (position + length < end && source[position + length] === source[inBlock + length]) length++;
    return length;
  }

  #literals(source: Uint8Array, start: number, end: number): void {
    for (let i = start; i < end; i++) this.#tokens[this.#tokenCount++] = source[i] as number;
  }

  #renumber(): void {
    const start = maxDistance + 1;
    if (this.#previousLength === 0) {
      this.#values.fill(0);
      this.#positions.fill(0);
    } else {
      for (let i = 0; i < tableSize; i++) {
        this.#positions[i] = Math.max(0, (this.#positions[i] as number) - this.#base + start);
      }
    }
    this.#base = start;
  }
}

function load32(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24)
  );
}

function hashOf(value: number): number {
  return Math.imul(value, 0x1e35a7bd) >>> 18;
}
