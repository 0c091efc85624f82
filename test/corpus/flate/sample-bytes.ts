/**
 * Bytes that exercise a DEFLATE encoder, the same on every machine from a seed: runs, noise, text, records, and repeats
 * at the far end of the window. No files, no randomness.
 */

export const sampleKinds = ['zeros', 'noise', 'text', 'records', 'far-repeats', 'mixed'] as const;
export type SampleKind = (typeof sampleKinds)[number];

/** Lengths at and around the borders of Go's and zlib's windows, blocks and special cases. */
export const sampleLengths = [
  ...[0, 1, 2, 3, 4, 5, 16, 17, 127, 128, 129, 300, 5000, 32767, 32768, 32769, 65274, 65275, 65534, 65535, 65536],
  ...[65537, 98305, 131070, 131071, 131072, 131073, 200_000, 400_000],
] as const;

export function sampleBytes(kind: SampleKind, length: number, seed: number): Uint8Array {
  const random = generator(seed);
  const bytes = new Uint8Array(length);
  if (kind === 'mixed') {
    const kinds = sampleKinds.slice(0, -1);
    for (let at = 0; at < length; ) {
      const part = Math.min(length - at, 1 + random(30_000));
      bytes.set(sampleBytes(kinds[random(kinds.length)] as SampleKind, part, random(2 ** 31)), at);
      at += part;
    }
    return bytes;
  }
  for (let at = 0; at < length; ) at = fillers[kind](bytes, at, random);
  return bytes;
}

const words = 'the node pod lease of kubelet a runtime container image layer is ready and not terminated yet'.split(
  ' ',
);

/** Each writes at `at` and answers where it stopped; writes past the end fall away. */
const fillers: Record<
  Exclude<SampleKind, 'mixed'>,
  (bytes: Uint8Array, at: number, random: (below: number) => number) => number
> = {
  zeros: (bytes) => bytes.length,
  noise(bytes, at, random) {
    bytes[at] = random(256);
    return at + 1;
  },
  text(bytes, at, random) {
    const word = `${words[random(words.length)]}${random(9) === 0 ? `-${random(1000)}\n` : ' '}`;
    for (let i = 0; i < word.length; i++) bytes[at + i] = word.charCodeAt(i);
    return at + word.length;
  },
  records(bytes, at, random) {
    const record = [0x48, 0x8b, 0x05, at & 255, (at >> 8) & 255, (at >> 16) & 255, 0, random(4), 0xe8, random(256)];
    for (const [i, byte] of record.entries()) if (at + i < bytes.length) bytes[at + i] = byte;
    return at + record.length;
  },
  'far-repeats'(bytes, at, random) {
    const distance = 32_768 - 300 + random(320);
    const run = 1 + random(400);
    for (let i = 0; i < run && at + i < bytes.length; i++) {
      bytes[at + i] = at + i >= distance && random(60) > 0 ? (bytes[at + i - distance] as number) : random(40);
    }
    return at + run;
  },
};

/** Numbers from 0 to below a bound (Mulberry32). */
function generator(seed: number): (below: number) => number {
  let state = seed | 0;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}
