/**
 * Says how hard zlib's deflate searches at each level, and which relatives of it there are. The table is that of
 * deflate.c of zlib 1.3 (see ../LICENSE-zlib.txt); all relatives have it.
 */

/** Lengths of matches, and candidates at most, at which the search gets by with less. */
export interface LevelTuning {
  readonly good: number;
  readonly lazy: number;
  readonly nice: number;
  readonly chain: number;
}

export const tunings: Readonly<Record<number, LevelTuning>> = {
  1: { good: 4, lazy: 4, nice: 8, chain: 4 },
  2: { good: 4, lazy: 5, nice: 16, chain: 8 },
  3: { good: 4, lazy: 6, nice: 32, chain: 32 },
  4: { good: 4, lazy: 4, nice: 16, chain: 16 },
  5: { good: 8, lazy: 16, nice: 32, chain: 32 },
  6: { good: 8, lazy: 16, nice: 128, chain: 128 },
  7: { good: 8, lazy: 32, nice: 128, chain: 256 },
  8: { good: 32, lazy: 128, nice: 258, chain: 1024 },
  9: { good: 32, lazy: 258, nice: 258, chain: 4096 },
};

/**
 * - `zlib`: zlib itself.
 * - `gzip`: the deflate that zlib came from, as GNU gzip and Info-ZIP still have it. It does not stop at the end of the
 *   input, but looks for matches into the bytes that lie behind it in the window.
 * - `chromium`: Chromium's zlib, as in Node. It finds candidates by a hash of four bytes, so it misses matches of
 * three.
 */
export type ZlibRelative = 'zlib' | 'gzip' | 'chromium';

export function isGreedy(level: number): boolean {
  return level <= 3;
}
