/** Finds the longest matches of a pattern in a file whose suffixes are sorted. */

/** Bytes compared at most: a longer match is cut here, so that runs of equal bytes cost linear time. */
const longestComparison = 1 << 16;
/** Shorter matches are not looked for. */
export const leastMatch = 8;
/** 64 MiB. */
const maxFilterBits = 29;

export class SuffixSearch {
  readonly #text: Uint8Array;
  readonly #suffixes: Int32Array;
  /** First index in `#suffixes` of each leading byte pair, and one past the last. */
  readonly #pairs = new Int32Array(65537);
  /** A bit for each hash of `leastMatch` bytes of the text: most places of a new file are answered by it. */
  readonly #filter: Int32Array;
  readonly #filterShift: number;
  /** Where the match of the last `find` starts in the text. */
  position = 0;

  constructor(text: Uint8Array, suffixes: Int32Array) {
    this.#text = text;
    this.#suffixes = suffixes;
    const n = text.length;
    const filterBits = Math.min(Math.max(35 - Math.clz32(n), 10), maxFilterBits);
    this.#filterShift = 32 - filterBits;
    this.#filter = new Int32Array(1 << (filterBits - 5));
    for (let i = 0; i + leastMatch <= n; i++) {
      const hash = hashAt(text, i) >>> this.#filterShift;
      this.#filter[hash >> 5] = (this.#filter[hash >> 5] as number) | (1 << (hash & 31));
    }
    for (let i = 0; i + 1 < n; i++) {
      const next = (((text[i] as number) << 8) | (text[i + 1] as number)) + 1;
      this.#pairs[next] = (this.#pairs[next] as number) + 1;
    }
    let last = 0;
    // The one-byte suffix sorts before every pair that begins with its byte.
    const lone = n > 0 ? (text[n - 1] as number) << 8 : -1;
    for (let pair = 0; pair < 65537; pair++) {
      last += this.#pairs[pair] as number;
      if (pair === lone) last++;
      this.#pairs[pair] = last;
    }
  }

  /**
   * The length of the longest match of `pattern` from `start` on (`leastMatch` at least, else 0); `position` says
   * where.
   */
  find(pattern: Uint8Array, start: number): number {
    const limit = Math.min(pattern.length - start, longestComparison);
    if (limit < leastMatch) return 0;
    const hash = hashAt(pattern, start) >>> this.#filterShift;
    if ((((this.#filter[hash >> 5] as number) >>> (hash & 31)) & 1) === 0) return 0;
    const pair = ((pattern[start] as number) << 8) | (pattern[start + 1] as number);
    let low = this.#pairs[pair] as number;
    let high = this.#pairs[pair + 1] as number;
    // A lone last byte counted at the start of the next pair is no suffix of this one.
    if (high > low && (this.#suffixes[high - 1] as number) === this.#text.length - 1) high--;
    if (low >= high) return 0;
    const text = this.#text;
    const suffixes = this.#suffixes;
    const n = text.length;
    let lowMatch = 2;
    let highMatch = 2;
    let best = 0;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const suffix = suffixes[middle] as number;
      let match = lowMatch < highMatch ? lowMatch : highMatch;
      const stop = Math.min(limit, n - suffix);
      while (match < stop && text[suffix + match] === pattern[start + match]) match++;
      if (match > best) {
        best = match;
        this.position = suffix;
      }
      if (match === limit) return match;
      if (match === n - suffix || (text[suffix + match] as number) < (pattern[start + match] as number)) {
        low = middle + 1;
        lowMatch = match;
      } else {
        high = middle;
        highMatch = match;
      }
    }
    return best < leastMatch ? 0 : best;
  }
}

/** Of the `leastMatch` bytes from `at` on. */
function hashAt(bytes: Uint8Array, at: number): number {
  const low =
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24);
  const high =
    (bytes[at + 4] as number) |
    ((bytes[at + 5] as number) << 8) |
    ((bytes[at + 6] as number) << 16) |
    ((bytes[at + 7] as number) << 24);
  const mixed = Math.imul(low, 0x2c1b3c6d) ^ Math.imul(high, 0x297a2d39);
  return Math.imul(mixed ^ (mixed >>> 15), 0x85ebca6b);
}
