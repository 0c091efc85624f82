/** The gzip encoder beside the gzip command of this machine. Compares; which contents and levels is its callers' matter. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { createDeflateEncoder } from '../../../delta/flate/encoder.ts';
import { sampleBytes, sampleKinds } from '../../corpus/flate/sample-bytes.ts';

export const levels = [1, 2, 3, 4, 5, 6, 7, 8, 9] as const;
/** Around the longest match, the distance a match may have, the window, its double, and full blocks. */
export const shortLengths = [
  ...[0, 1, 2, 3, 257, 258, 259, 32_505, 32_506, 32_767, 32_768, 32_769, 65_274, 65_275, 65_535, 65_536, 65_537],
] as const;
/** Many blocks, and more than 1 MiB. */
export const longLengths = [2 ** 18, 1_100_000] as const;

const gzipFrameBytes = { header: 10, trailer: 8 };
export const isGnu = spawnSync('gzip', ['--version'], { encoding: 'utf8' }).stdout?.startsWith('gzip ') ?? false;

export const samples = [
  ...sampleKinds.map((kind) => ({ kind, make: (length: number) => sampleBytes(kind, length, length + 1) })),
  { kind: 'sparse', make: sparse },
];

/** One start of gzip for all lengths of a level. */
export function expectSameStreams(
  make: (length: number) => Uint8Array,
  lengths: readonly number[],
  levelsTried: readonly number[],
): void {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-gzip-'));
  try {
    const files = lengths.map((length) => ({ length, bytes: make(length), path: join(folder, String(length)) }));
    for (const { path, bytes } of files) writeFileSync(path, bytes);
    for (const level of levelsTried) {
      execFileSync('gzip', ['-n', '-k', `-${level}`, '-S', `.${level}`, ...files.map(({ path }) => path)]);
      for (const { path, length, bytes } of files) {
        const expected = streamIn(readFileSync(`${path}.${level}`));
        expect(ours(bytes, level).equals(expected), `${length} bytes at level ${level}`).toBe(true);
      }
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The stream of a gzip file without a name. */
export function streamIn(file: Buffer): Buffer {
  return file.subarray(gzipFrameBytes.header, -gzipFrameBytes.trailer);
}

function ours(bytes: Uint8Array, level: number): Buffer {
  const pieces: Buffer[] = [];
  const encoder = createDeflateEncoder({ encoder: 'gzip', level }, (view) => void pieces.push(Buffer.from(view)));
  for (let at = 0; at < bytes.length; at += 50_000) encoder.write(bytes.subarray(at, at + 50_000));
  encoder.finish();
  return Buffer.concat(pieces);
}

/** Mostly zeros, with a byte here and there: long matches, and blocks that are worth ending early. */
function sparse(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  const noise = sampleBytes('noise', 2 * Math.ceil(length / 500), length);
  for (let i = 0, at = 0; at < length; i += 2) {
    bytes[at] = noise[i] ?? 1;
    at += 1 + 10 * (noise[i + 1] ?? 255);
  }
  return bytes;
}
