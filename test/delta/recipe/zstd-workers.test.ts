/** A frame with jobs has the same bytes whatever number of workers writes it: a device may take as many as it has room for. */
import { describe, expect, it } from 'vitest';
import { libzstdEncoder } from '../../../delta/recipe/libzstd.ts';
import type { Recipe } from '../../../delta/recipe/recipe.ts';
import { furtherWorkerBytes } from '../../../delta/recipe/zstd-memory.ts';
import type { ZstdSettings } from '../../../delta/recipe/zstd-settings.ts';
import { sampleBytes } from '../../corpus/flate/sample-bytes.ts';
import { isLongRun } from '../../sampling.ts';

const mebibyte = 2 ** 20;
const text = sampleBytes('text', 300_000, 7);

/** Text that repeats from farther and farther back, with bytes that do not compress between. */
function content(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0, round = 0; at < length; round++) {
    const piece = round % 3 === 2 ? sampleBytes('noise', 90_000, round) : text.subarray((round * 7919) % 200_000);
    bytes.set(piece.subarray(0, length - at), at);
    at += piece.length;
  }
  return bytes;
}

async function frameOf(bytes: Buffer, settings: ZstdSettings, workers: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  // The length of the frame is not known yet; a generous one only costs a call at its end.
  const encoding = libzstdEncoder(workers).encode(settings, bytes.length, Number.MAX_SAFE_INTEGER, (piece) => {
    pieces.push(Buffer.from(piece));
  });
  try {
    for (let at = 0; at < bytes.length; at += 200_000) await encoding.write(bytes.subarray(at, at + 200_000));
    await encoding.finish();
  } finally {
    encoding.close();
  }
  return Buffer.concat(pieces);
}

const base = { encoder: 'libzstd', version: process.versions.zstd ?? '', jobs: true, checksum: true } as const;
/** Of each the length of a job, by ZSTDMT_computeTargetJobLog of libzstd 1.5. */
const kinds: readonly (readonly [name: string, settings: ZstdSettings, jobBytes: number, isSlow: boolean])[] = [
  ['level 1', { ...base, level: 1, windowLog: 19, longDistance: false, contentSize: true }, 2 * mebibyte, false],
  ['level 3', { ...base, level: 3, windowLog: 20, longDistance: false, contentSize: false }, 4 * mebibyte, false],
  [
    'level 6, far back',
    { ...base, level: 6, windowLog: 18, longDistance: true, contentSize: true },
    2 * mebibyte,
    false,
  ],
  [
    'level 16, far back',
    { ...base, level: 16, windowLog: 18, longDistance: true, contentSize: true },
    2 * mebibyte,
    true,
  ],
  ['K3s', { ...base, level: 16, windowLog: 25, longDistance: true, contentSize: true }, 16 * mebibyte, true],
];

describe('a frame by several workers', () => {
  it.each(kinds.filter(([, , , isSlow]) => isLongRun || !isSlow))(
    'of %s has the bytes of one worker, at every number of jobs and around their borders',
    { timeout: 600_000 },
    async (_, settings, jobBytes) => {
      const lengths = [0, 1, 70_000, jobBytes - 1, jobBytes, jobBytes + 1, 2 * jobBytes, 2 * jobBytes + 12_345];
      if (isLongRun) lengths.push(3 * jobBytes, 5 * jobBytes + 1);
      for (const length of lengths) {
        const bytes = content(length);
        const one = await frameOf(bytes, settings, 1);
        for (const workers of isLongRun ? [2, 3, 4] : [2]) {
          expect((await frameOf(bytes, settings, workers)).equals(one), `${length} bytes, ${workers} workers`).toBe(
            true,
          );
        }
      }
    },
  );
});

describe('what each further worker takes', () => {
  const recipeOf = (...settings: readonly ZstdSettings[]): Recipe => ({
    version: 1,
    nodes: settings.map((zstd, part) => ({ zstd, length: 10, nodes: [{ part, length: 5 }] })),
  });
  const [, k3s] = kinds.at(-1) ?? [];

  it('is counted from the tables and jobs of the largest frame', () => {
    if (!k3s) throw new Error('no K3s');
    const bytes = furtherWorkerBytes(recipeOf(k3s, { ...k3s, level: 1, windowLog: 19 })) ?? 0;
    // 38 MB were measured for one of K3s.
    expect(bytes / mebibyte).toBeGreaterThan(38);
    expect(bytes / mebibyte).toBeLessThan(70);
  });

  it('is nothing where no frame has jobs: more threads would do nothing for it', () => {
    if (!k3s) throw new Error('no K3s');
    expect(furtherWorkerBytes(recipeOf({ ...k3s, jobs: false }))).toBeUndefined();
    expect(furtherWorkerBytes(recipeOf())).toBeUndefined();
  });
});
