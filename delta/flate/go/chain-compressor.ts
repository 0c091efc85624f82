/**
 * Compresses as levels 2 to 9 of compress/flate do: hash chains over a window of 32 KiB, greedy up to level 3, lazy
 * above. Ported from deflate.go of Go 1.19 (BSD licence, The Go Authors; see ../LICENSE-go.txt), including where it
 * slides its window and renumbers its hashes, since both show in the output.
 */
import { maxMatch } from '../length-and-distance.ts';
import { type GoBlockWriter, matchToken } from './block-writer.ts';
import type { GoCompressor } from './deflate.ts';

const windowSize = 1 << 15;
const windowMask = windowSize - 1;
/** Shorter matches than RFC 1951 allows are never sought. */
const shortest = 4;
const maxBlockTokens = 1 << 14;
const hashSize = 1 << 17;
const maxHashOffset = 1 << 24;
const unknown = -1;

interface Tuning {
  /** From this length on, a quarter of the chain is tried. */
  readonly good: number;
  /** Matches of this length are not improved upon by looking one byte further. */
  readonly lazy: number;
  readonly nice: number;
  readonly chain: number;
  /** Greedy levels insert the inside of matches up to this length only; lazy levels insert all. */
  readonly skip?: number;
}

const tunings: Readonly<Record<number, Tuning>> = {
  2: { good: 4, lazy: 0, nice: 16, chain: 8, skip: 5 },
  3: { good: 4, lazy: 0, nice: 32, chain: 32, skip: 6 },
  4: { good: 4, lazy: 4, nice: 16, chain: 16 },
  5: { good: 8, lazy: 16, nice: 32, chain: 32 },
  6: { good: 8, lazy: 16, nice: 128, chain: 128 },
  7: { good: 8, lazy: 32, nice: 128, chain: 256 },
  8: { good: 32, lazy: 128, nice: 258, chain: 1024 },
  9: { good: 32, lazy: 258, nice: 258, chain: 4096 },
};

export class ChainCompressor implements GoCompressor {
  readonly #blocks: GoBlockWriter;
  readonly #tuning: Tuning;
  readonly #window = new Uint8Array(2 * windowSize);
  readonly #head = new Int32Array(hashSize);
  readonly #previous = new Int32Array(windowSize);
  readonly #tokens = new Uint32Array(maxBlockTokens + 1);
  #tokenCount = 0;
  /** Entries of the tables are window positions plus this, so that 0 is always in the past. */
  #hashOffset = 1;
  #chainHead = -1;
  #index = 0;
  #end = 0;
  /** Window position of the block's first byte; unknown once it has slid out. */
  #blockStart = 0;
  #literalPending = false;
  #length = shortest - 1;
  #distance = 0;

  constructor(level: number, blocks: GoBlockWriter) {
    const tuning = tunings[level];
    if (tuning === undefined) throw new RangeError(`level ${level} is not one of 2 to 9`);
    this.#tuning = tuning;
    this.#blocks = blocks;
  }

  write(bytes: Uint8Array): void {
    for (let offset = 0; offset < bytes.length; ) {
      // Only a full window is worked on: Go does the same under large writes, and where its window slides shows.
      if (this.#end === 2 * windowSize) {
        this.#step(false);
        this.#slide();
      }
      const take = Math.min(bytes.length - offset, 2 * windowSize - this.#end);
      this.#window.set(bytes.subarray(offset, offset + take), this.#end);
      this.#end += take;
      offset += take;
    }
  }

  flush(): void {
    this.#step(true);
  }

  #slide(): void {
    if (this.#index < 2 * windowSize - (shortest + maxMatch)) return;
    this.#window.copyWithin(0, windowSize);
    this.#index -= windowSize;
    this.#end -= windowSize;
    this.#blockStart = this.#blockStart >= windowSize ? this.#blockStart - windowSize : unknown;
    this.#hashOffset += windowSize;
    if (this.#hashOffset <= maxHashOffset) return;
    const delta = this.#hashOffset - 1;
    this.#hashOffset -= delta;
    this.#chainHead -= delta;
    for (const table of [this.#previous, this.#head]) {
      for (let i = 0; i < table.length; i++) table[i] = Math.max(0, (table[i] as number) - delta);
    }
  }

  #block(end: number): void {
    const start = this.#blockStart;
    const bytes = start !== unknown && start <= end ? this.#window.subarray(start, end) : undefined;
    this.#blockStart = end;
    this.#blocks.smallest(this.#tokens.subarray(0, this.#tokenCount), bytes);
    this.#tokenCount = 0;
  }

  #step(last: boolean): void {
    const window = this.#window;
    const { lazy, skip } = this.#tuning;
    const greedy = skip !== undefined;
    const insertLimit = this.#end - (shortest - 1);
    for (;;) {
      const lookahead = this.#end - this.#index;
      if (lookahead < shortest + maxMatch) {
        if (!last) return;
        if (lookahead === 0) {
          if (this.#literalPending) this.#tokens[this.#tokenCount++] = window[this.#index - 1] as number;
          this.#literalPending = false;
          if (this.#tokenCount > 0) this.#block(this.#index);
          return;
        }
      }
      if (this.#index < insertLimit) this.#chainHead = this.#insert(this.#index);

      const lengthBefore = this.#length;
      const distanceBefore = this.#distance;
      this.#length = shortest - 1;
      this.#distance = 0;
      const candidate = this.#chainHead - this.#hashOffset;
      if (
        candidate >= Math.max(0, this.#index - windowSize) &&
        (greedy ? lookahead > shortest - 1 : lookahead > lengthBefore && lengthBefore < lazy)
      ) {
        this.#find(this.#index, candidate, lookahead);
      }
      if (greedy ? this.#length >= shortest : lengthBefore >= shortest && this.#length <= lengthBefore) {
        const length = greedy ? this.#length : lengthBefore;
        const distance = greedy ? this.#distance : distanceBefore;
        this.#tokens[this.#tokenCount++] = matchToken + ((length - 3) << 22) + (distance - 1);
        if (!greedy || length <= skip) {
          const next = greedy ? this.#index + length : this.#index + length - 1;
          let index = this.#index + 1;
          for (; index < next; index++) if (index < insertLimit) this.#insert(index);
          this.#index = index;
          if (!greedy) {
            this.#literalPending = false;
            this.#length = shortest - 1;
          }
        } else {
          this.#index += length;
        }
        if (this.#tokenCount === maxBlockTokens) this.#block(this.#index);
      } else {
        if (greedy || this.#literalPending) {
          const at = greedy ? this.#index : this.#index - 1;
          this.#tokens[this.#tokenCount++] = window[at] as number;
          if (this.#tokenCount === maxBlockTokens) this.#block(at + 1);
        }
        this.#index++;
        if (!greedy) this.#literalPending = true;
      }
    }
  }

  /** Puts a position into its chain; answers the entry that was first before. */
  #insert(index: number): number {
    const window = this.#window;
    const value =
      ((window[index] as number) << 24) |
      ((window[index + 1] as number) << 16) |
      ((window[index + 2] as number) << 8) |
      (window[index + 3] as number);
    const hash = Math.imul(value, 0x1e35a7bd) >>> 15;
    const before = this.#head[hash] as number;
    this.#previous[index & windowMask] = before;
    this.#head[hash] = index + this.#hashOffset;
    return before;
  }

  /** Sets length and distance to the best match at `position`, when there is one longer than 3. */
  #find(position: number, firstCandidate: number, lookahead: number): void {
    const window = this.#window;
    const previous = this.#previous;
    const hashOffset = this.#hashOffset;
    const limit = Math.min(maxMatch, lookahead);
    const nice = Math.min(limit, this.#tuning.nice);
    // Go looks a quarter as long behind a good match, but always asks with length 3, which no level calls good.
    let tries = this.#tuning.chain;
    let length = shortest - 1;
    let endByte = window[position + length];
    const oldest = position - windowSize;
    for (let candidate = firstCandidate; tries > 0; tries--) {
      if (endByte === window[candidate + length]) {
        let matched = 0;
        while (matched < limit && window[candidate + matched] === window[position + matched]) matched++;
        if (matched > length && (matched > shortest || position - candidate <= 4096)) {
          length = matched;
          this.#length = matched;
          this.#distance = position - candidate;
          if (matched >= nice) return;
          endByte = window[position + matched];
        }
      }
      if (candidate === oldest) return;
      candidate = (previous[candidate & windowMask] as number) - hashOffset;
      if (candidate < oldest || candidate < 0) return;
    }
  }
}
