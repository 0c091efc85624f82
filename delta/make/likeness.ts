/**
 * Tells how alike two stretches of bytes are, from small sketches: hashes of 16 bytes at places that the content itself
 * chooses, the lowest of which are kept. It finds the earlier version of a file that was renamed.
 */
const sketchSize = 256;
const windowBytes = 16;
/** One place in 64 is looked at. */
const placeMask = 0x3f;

export type Sketch = ReadonlySet<number>;

/** Something to be read in pieces; what lies across two of them is not seen. */
export interface Chunked {
  chunks(bytes?: number): Iterable<Buffer>;
}

/** Reads the range once. */
export function sketchOf(range: Chunked): Sketch {
  const lowest = new Set<number>();
  let highest = 2 ** 32;
  for (const chunk of range.chunks(1024 * 1024)) {
    for (let at = 0; at + windowBytes <= chunk.length; at++) {
      const head = chunk.readInt32LE(at);
      if (((Math.imul(head, 0x9e3779b1) >>> 16) & placeMask) !== 0 || head === 0) continue;
      let hash = 0;
      for (let i = 0; i < windowBytes; i += 4)
        hash = Math.imul(hash ^ chunk.readInt32LE(at + i), 0x85ebca6b) ^ (hash >>> 13);
      hash >>>= 0;
      if (hash >= highest) continue;
      lowest.add(hash);
      if (lowest.size <= 2 * sketchSize) continue;
      const kept = [...lowest].sort((a, b) => a - b).slice(0, sketchSize);
      highest = kept.at(-1) ?? 0;
      lowest.clear();
      for (const value of kept) lowest.add(value);
    }
  }
  return new Set([...lowest].sort((a, b) => a - b).slice(0, sketchSize));
}

/** Share of the lowest hashes of both together that both have: an estimate of the content in common, 0 to 1. */
export function alikeness(a: Sketch, b: Sketch): number {
  const lowest = [...new Set([...a, ...b])].sort((x, y) => x - y).slice(0, sketchSize);
  if (lowest.length === 0) return 0;
  return lowest.filter((hash) => a.has(hash) && b.has(hash)).length / lowest.length;
}
