/** Longest matches of a pattern in a file whose suffixes are sorted. */

/** Bytes compared at most: a longer match is cut here, so that runs of equal bytes cost linear time. */
const longestComparison = 1 << 16;

export class SuffixSearch {
  readonly #text: Uint8Array;
  readonly #suffixes: Int32Array;
  /** First index in `#suffixes` of each leading byte pair, and one past the last. */
  readonly #pairs = new Int32Array(65537);
  /** Where the match of the last `find` starts in the text. */
  position = 0;

  constructor(text: Uint8Array, suffixes: Int32Array) {
    this.#text = text;
    this.#suffixes = suffixes;
    const n = text.length;
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

  /** The length of the longest match of `pattern` from `start` on (2 at least, else 0); `position` says where. */
  find(pattern: Uint8Array, start: number): number {
    const limit = Math.min(pattern.length - start, longestComparison);
    if (limit < 2) return 0;
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
    return best;
  }
}
