/**
 * Builds length-limited Huffman codes as Go's compress/flate does: the "boundary package-merge" of huffman_code.go,
 * with its order of ties, so that the lengths equal Go's to the bit. Ported from Go 1.19 (BSD licence, The Go Authors;
 * see ../LICENSE-go.txt); the file is unchanged in that respect from Go 1.8 on.
 */
import { reverseBits } from '../length-and-distance.ts';

const maxBitsLimit = 16;
const never = 0x7fffffff;

export class GoHuffmanCode {
  /** Bit-reversed code of each symbol, ready to be sent; meaningless where the length is 0. */
  readonly codes: Uint16Array;
  /** Bits of each symbol, 0 to 15. */
  readonly lengths: Uint8Array;
  /** Used symbols in order of rising frequency, ties by symbol; one sentinel behind. */
  readonly #symbols: Uint16Array;
  readonly #frequencies: Int32Array;
  readonly #bitCount = new Int32Array(maxBitsLimit + 1);

  constructor(size: number) {
    this.codes = new Uint16Array(size);
    this.lengths = new Uint8Array(size);
    this.#symbols = new Uint16Array(size + 1);
    this.#frequencies = new Int32Array(size + 1);
  }

  /** Bits that symbols of these frequencies take. */
  bitLength(frequencies: Int32Array): number {
    let total = 0;
    for (let i = 0; i < frequencies.length; i++) total += (frequencies[i] as number) * (this.lengths[i] as number);
    return total;
  }

  /** Replaces the code by the best one for `frequencies` whose lengths are at most `maxBits`. */
  generate(frequencies: Int32Array, maxBits: number): void {
    const used: number[] = [];
    for (let symbol = 0; symbol < frequencies.length; symbol++) {
      if (frequencies[symbol] !== 0) used.push(symbol);
      else this.lengths[symbol] = 0;
    }
    if (used.length <= 2) {
      for (const [code, symbol] of used.entries()) {
        this.codes[symbol] = code;
        this.lengths[symbol] = 1;
      }
      return;
    }
    used.sort((a, b) => (frequencies[a] as number) - (frequencies[b] as number) || a - b);
    for (const [index, symbol] of used.entries()) {
      this.#symbols[index] = symbol;
      this.#frequencies[index] = frequencies[symbol] as number;
    }
    this.#frequencies[used.length] = never;
    this.#assign(this.#countBits(used.length, maxBits), used.length);
  }

  /** Number of symbols of each length; returns the longest length. `count` is at least 3. */
  #countBits(count: number, wantedMaxBits: number): number {
    const maxBits = Math.min(wantedMaxBits, count - 1);
    const frequencies = this.#frequencies;
    const lastFrequency = new Int32Array(maxBitsLimit + 1);
    const nextLeaf = new Int32Array(maxBitsLimit + 1);
    const nextPair = new Int32Array(maxBitsLimit + 1);
    const needed = new Int32Array(maxBitsLimit + 1);
    // leafCounts[level][ancestor]: literals left of that ancestor of the rightmost node at the level.
    const leafCounts = Array.from({ length: maxBitsLimit }, () => new Int32Array(maxBitsLimit));
    const countsAt = (level: number) => leafCounts[level] as Int32Array;

    for (let level = 1; level <= maxBits; level++) {
      lastFrequency[level] = frequencies[1] as number;
      nextLeaf[level] = frequencies[2] as number;
      nextPair[level] = level === 1 ? never : (frequencies[0] as number) + (frequencies[1] as number);
      countsAt(level)[level] = 2;
    }
    needed[maxBits] = 2 * count - 4;

    for (let level = maxBits; ; ) {
      const leaf = nextLeaf[level] as number;
      const pair = nextPair[level] as number;
      if (pair === never && leaf === never) {
        // Out of leaves and pairs: never come back to this level.
        needed[level] = 0;
        nextPair[level + 1] = never;
        level++;
        continue;
      }
      const previous = lastFrequency[level] as number;
      const counts = countsAt(level);
      if (leaf < pair) {
        const leaves = (counts[level] as number) + 1;
        lastFrequency[level] = leaf;
        counts[level] = leaves;
        nextLeaf[level] = frequencies[leaves] as number;
      } else {
        lastFrequency[level] = pair;
        counts.set(countsAt(level - 1).subarray(0, level));
        needed[level - 1] = 2;
      }
      needed[level] = (needed[level] as number) - 1;
      if (needed[level] === 0) {
        if (level === maxBits) break;
        nextPair[level + 1] = previous + (lastFrequency[level] as number);
        level++;
      } else {
        while ((needed[level - 1] as number) > 0) level--;
      }
    }

    const top = countsAt(maxBits);
    for (let level = maxBits, bits = 1; level > 0; level--, bits++) {
      this.#bitCount[bits] = (top[level] as number) - (top[level - 1] as number);
    }
    return maxBits;
  }

  /** RFC 1951 3.2.2: the most frequent symbols get the shortest codes, codes of one length rise with the symbol. */
  #assign(maxBits: number, count: number): void {
    let code = 0;
    let end = count;
    for (let bits = 1; bits <= maxBits; bits++) {
      code <<= 1;
      const start = end - (this.#bitCount[bits] as number);
      for (const symbol of this.#symbols.slice(start, end).sort()) {
        this.codes[symbol] = reverseBits(code, bits);
        this.lengths[symbol] = bits;
        code++;
      }
      end = start;
    }
  }
}
