/** The gzip encoder beside the gzip command of this machine, from a file and through a pipe. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sampleBytes } from '../../corpus/flate/sample-bytes.ts';
import { expectSameStreams, isGnu, levels, longLengths, samples, shortLengths, streamIn } from './gnu-gzip.ts';

describe.skipIf(!isGnu)('beside the GNU gzip of this machine (skipped where there is none)', () => {
  it.each(samples)('the gzip encoder writes its bytes of $kind at every level', { timeout: 120_000 }, ({ make }) => {
    expectSameStreams(make, shortLengths, levels);
    // The default; the others: `npm run test:long`.
    expectSameStreams(make, longLengths, [6]);
  });

  it('a pipe gives the bytes that a file gives', () => {
    const folder = mkdtempSync(join(tmpdir(), 'slipway-gzip-'));
    const path = join(folder, 'piped');
    const bytes = sampleBytes('mixed', 400_000, 9);
    writeFileSync(path, bytes);
    const streamOf = (args: readonly string[], input?: Uint8Array) =>
      streamIn(execFileSync('gzip', ['-n', '-c', ...args], { input, maxBuffer: 2 ** 24 }));
    for (const level of levels) expect(streamOf([`-${level}`], bytes).equals(streamOf([`-${level}`, path]))).toBe(true);
    rmSync(folder, { recursive: true });
  });
});
