/**
 * Builds length-limited Huffman codes as zlib's trees.c does: its heap, its order of ties (by depth), its repair of
 * codes that became too long. Ported from zlib 1.3 (Jean-loup Gailly and Mark Adler; see ../LICENSE-zlib.txt),
 * unchanged in that respect since 1.2.
 */
import { reverseBits } from '../length-and-distance.ts';

const maxBits = 15;

export class ZlibTree {
  /** Counts of the symbols of the block; beyond `elements` room for the inner nodes. */
  readonly frequencies: Int32Array;
  /** Bits of each symbol after build; a guard stands behind the last one in use. */
  readonly lengths: Uint16Array;
  /** Bit-reversed codes. */
  readonly codes: Uint16Array;
  /** Largest symbol in use. */
  maxCode = 0;
  /** Bits that the symbols of the block take, extra bits included, with this code and with the fixed one. */
  ownBits = 0;
  fixedBits = 0;
  readonly #elements: number;
  readonly #limit: number;
  readonly #extra: (symbol: number) => number;
  readonly #fixedLengths: Uint16Array | undefined;
  readonly #parents: Uint16Array;
  readonly #depths: Uint8Array;
  readonly #heap: Int32Array;
  #heapLength = 0;

  constructor(
    elements: number,
    limit: number,
    extra: (symbol: number) => number,
    fixedLengths: Uint16Array | undefined,
  ) {
    const nodes = 2 * elements + 1;
    this.#elements = elements;
    this.#limit = limit;
    this.#extra = extra;
    this.#fixedLengths = fixedLengths;
    this.frequencies = new Int32Array(nodes);
    this.lengths = new Uint16Array(nodes);
    this.codes = new Uint16Array(elements);
    this.#parents = new Uint16Array(nodes);
    this.#depths = new Uint8Array(nodes);
    this.#heap = new Int32Array(nodes + 1);
  }

  /** Turns the frequencies into lengths and codes. */
  build(): void {
    const { frequencies, lengths } = this;
    const heap = this.#heap;
    const depths = this.#depths;
    this.ownBits = 0;
    this.fixedBits = 0;
    this.#heapLength = 0;
    let largest = -1;
    for (let symbol = 0; symbol < this.#elements; symbol++) {
      if (frequencies[symbol] === 0) {
        lengths[symbol] = 0;
        continue;
      }
      heap[++this.#heapLength] = symbol;
      largest = symbol;
      depths[symbol] = 0;
    }
    // At least two codes: old decoders need them.
    while (this.#heapLength < 2) {
      const forced = largest < 2 ? ++largest : 0;
      heap[++this.#heapLength] = forced;
      frequencies[forced] = 1;
      depths[forced] = 0;
      this.ownBits--;
      this.fixedBits -= this.#fixedLengths?.[forced] ?? 0;
    }
    this.maxCode = largest;
    for (let at = this.#heapLength >> 1; at >= 1; at--) this.#sift(at);

    // Sorted nodes grow down from the end of the heap's array.
    let sorted = 2 * this.#elements + 1;
    const end = sorted;
    let node = this.#elements;
    do {
      const least = heap[1] as number;
      heap[1] = heap[this.#heapLength--] as number;
      this.#sift(1);
      const next = heap[1] as number;
      heap[--sorted] = least;
      heap[--sorted] = next;
      frequencies[node] = (frequencies[least] as number) + (frequencies[next] as number);
      depths[node] = Math.max(depths[least] as number, depths[next] as number) + 1;
      this.#parents[least] = node;
      this.#parents[next] = node;
      heap[1] = node++;
      this.#sift(1);
    } while (this.#heapLength >= 2);
    heap[--sorted] = heap[1] as number;
    this.#assign(this.#measure(sorted, end));
  }

  /** Lengths from the depths in the tree, cut to the limit; answers how many symbols have each length. */
  #measure(sorted: number, end: number): Uint16Array {
    const { frequencies, lengths } = this;
    const heap = this.#heap;
    const counts = new Uint16Array(maxBits + 1);
    const limit = this.#limit;
    let overflow = 0;
    lengths[heap[sorted] as number] = 0;
    for (let at = sorted + 1; at < end; at++) {
      const node = heap[at] as number;
      let bits = (lengths[this.#parents[node] as number] as number) + 1;
      if (bits > limit) {
        bits = limit;
        overflow++;
      }
      lengths[node] = bits;
      if (node > this.maxCode) continue;
      (counts[bits] as number)++;
      const extra = this.#extra(node);
      this.ownBits += (frequencies[node] as number) * (bits + extra);
      if (this.#fixedLengths) {
        this.fixedBits += (frequencies[node] as number) * ((this.#fixedLengths[node] as number) + extra);
      }
    }
    if (overflow === 0) return counts;
    for (; overflow > 0; overflow -= 2) {
      let bits = limit - 1;
      while (counts[bits] === 0) bits--;
      (counts[bits] as number)--;
      counts[bits + 1] = (counts[bits + 1] as number) + 2;
      (counts[limit] as number)--;
    }
    let at = end;
    for (let bits = limit; bits !== 0; bits--) {
      for (let left = counts[bits] as number; left > 0; ) {
        const node = heap[--at] as number;
        if (node > this.maxCode) continue;
        this.ownBits += (bits - (lengths[node] as number)) * (frequencies[node] as number);
        lengths[node] = bits;
        left--;
      }
    }
    return counts;
  }

  #assign(counts: Uint16Array): void {
    const next = new Uint16Array(maxBits + 1);
    for (let bits = 1, code = 0; bits <= maxBits; bits++) {
      code = (code + (counts[bits - 1] as number)) << 1;
      next[bits] = code;
    }
    for (let symbol = 0; symbol <= this.maxCode; symbol++) {
      const length = this.lengths[symbol] as number;
      if (length === 0) continue;
      this.codes[symbol] = reverseBits(next[length] as number, length);
      (next[length] as number)++;
    }
  }

  #sift(start: number): void {
    const heap = this.#heap;
    const moving = heap[start] as number;
    let at = start;
    for (let son = at << 1; son <= this.#heapLength; son <<= 1) {
      if (son < this.#heapLength && this.#isSmaller(heap[son + 1] as number, heap[son] as number)) son++;
      if (this.#isSmaller(moving, heap[son] as number)) break;
      heap[at] = heap[son] as number;
      at = son;
    }
    heap[at] = moving;
  }

  #isSmaller(a: number, b: number): boolean {
    const difference = (this.frequencies[a] as number) - (this.frequencies[b] as number);
    return difference < 0 || (difference === 0 && (this.#depths[a] as number) <= (this.#depths[b] as number));
  }
}
