/** Pairs of files as an update makes them: the new one has moved, changed, inserted and deleted parts of the old. */

/** A deterministic source of numbers 0 to 2^32 - 1 (mulberry32). */
export function seededNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (t ^ (t >>> 14)) >>> 0;
  };
}

/** Bytes that do not compress. */
export function noise(length: number, next: () => number): Buffer {
  const words = new Uint32Array(Math.ceil(length / 4));
  for (let i = 0; i < words.length; i++) words[i] = next();
  return Buffer.from(words.buffer, 0, length);
}

/** An old and a new file of about `length` bytes each: blocks moved within a megabyte, single bytes changed, insertions. */
export function filePair(length: number, seed: number): { old: Buffer; new: Buffer } {
  const next = seededNumbers(seed);
  const old = noise(length, next);
  const pieces: Buffer[] = [];
  for (let at = 0; at < length; ) {
    const size = 2000 + (next() % 60_000);
    const kind = next() % 8;
    const from = kind === 0 ? Math.max(0, Math.min(length - size, at + (next() % 1_000_000) - 500_000)) : at;
    const piece = Buffer.from(old.subarray(from, from + size));
    for (let i = next() % 900; i < piece.length; i += 300 + (next() % 900)) piece[i] = next() & 255;
    pieces.push(piece);
    if (kind === 1) pieces.push(noise(next() % 3000, next));
    if (kind === 2) pieces.push(Buffer.alloc(next() % 5000, 0));
    at += size;
  }
  return { old, new: Buffer.concat(pieces) };
}
