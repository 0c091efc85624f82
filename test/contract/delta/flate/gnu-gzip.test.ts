/** The gzip encoder beside the gzip command of this machine, from a file and through a pipe. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDeflateEncoder } from '../../../../contract/delta/flate/encoder.ts';
import { sampleBytes, sampleKinds } from '../../../corpus/flate/sample-bytes.ts';

const levels = [1, 2, 3, 4, 5, 6, 7, 8, 9] as const;
/** Around the longest match, the distance a match may have, the window, its double, and full blocks; and one of more than 1 MiB. */
const lengths = [
  ...[0, 1, 2, 3, 257, 258, 259, 32_505, 32_506, 32_767, 32_768, 32_769, 65_274, 65_275, 65_535, 65_536, 65_537],
  ...[2 ** 18, 1_100_000],
];
const gzipFrameBytes = { header: 10, trailer: 8 };
const isGnu = spawnSync('gzip', ['--version'], { encoding: 'utf8' }).stdout?.startsWith('gzip ') ?? false;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'slipway-test-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function streamOf(args: readonly string[], input?: Uint8Array): Buffer {
  const file = execFileSync('gzip', ['-n', '-c', ...args], { input, maxBuffer: 2 ** 24 });
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

const samples = [
  ...sampleKinds.map((kind) => ({ kind, make: (length: number) => sampleBytes(kind, length, length + 1) })),
  { kind: 'sparse', make: sparse },
];

describe.skipIf(!isGnu)('beside the GNU gzip of this machine (skipped where there is none)', () => {
  it.each(samples)('the gzip encoder writes its bytes of $kind at every level', { timeout: 120_000 }, ({ make }) => {
    const path = join(folder, 'sample');
    for (const length of lengths) {
      const bytes = make(length);
      writeFileSync(path, bytes);
      for (const level of levels) {
        const expected = streamOf([`-${level}`, path]);
        expect(ours(bytes, level).equals(expected), `${length} bytes at level ${level}`).toBe(true);
      }
    }
  });

  it('a pipe gives the bytes that a file gives', () => {
    const path = join(folder, 'piped');
    const bytes = sampleBytes('mixed', 400_000, 9);
    writeFileSync(path, bytes);
    for (const level of levels) expect(streamOf([`-${level}`], bytes).equals(streamOf([`-${level}`, path]))).toBe(true);
  });
});
