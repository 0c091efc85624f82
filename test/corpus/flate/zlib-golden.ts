/**
 * Writes test/delta/flate/zlib-golden.json anew: what zlib and pigz themselves make of the samples. Needs
 * python3 (linked to madler's zlib, as Debian's is) and pigz on PATH; the test that reads the file does not. Run:
 * node test/corpus/flate/zlib-golden.ts
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sampleBytes, sampleKinds, sampleLengths } from './sample-bytes.ts';

const levels = [1, 2, 3, 4, 5, 6, 7, 8, 9];
const pigzLevels = [1, 6, 9];
const gzipFrameBytes = { header: 10, trailer: 8 };

const folder = mkdtempSync(join(tmpdir(), 'zlib-golden-'));
try {
  const samples = sampleKinds.flatMap((kind, k) =>
    sampleLengths.map((length, l) => ({ kind, length, seed: k * 1000 + l, path: join(folder, `${kind}-${length}`) })),
  );
  for (const { kind, length, seed, path } of samples) writeFileSync(path, sampleBytes(kind, length, seed));
  const input = samples.flatMap(({ path }) => levels.map((level) => `${level} ${path}\n`)).join('');
  const python = execFileSync('python3', [join(import.meta.dirname, 'zlib-golden.py')], { input });
  const [version, ...digests] = python.toString().trim().split('\n');
  const rows = samples.map(({ path, ...sample }, s) => {
    const zlib = levels.map((level, i) => [level, digests[s * levels.length + i]?.slice(0, 16)]);
    const pigz = pigzLevels.map((level) => [level, pigzDigest(path, level)]);
    return `  ${JSON.stringify({ ...sample, zlib: Object.fromEntries(zlib), pigz: Object.fromEntries(pigz) })}`;
  });
  const madeBy = `zlib ${version}, ${execFileSync('pigz', ['--version']).toString().trim()}`;
  writeFileSync(
    join(import.meta.dirname, '../../delta/flate/zlib-golden.json'),
    `{ "madeBy": ${JSON.stringify(madeBy)}, "samples": [\n${rows.join(',\n')}\n] }\n`,
  );
} finally {
  rmSync(folder, { recursive: true });
}

function pigzDigest(path: string, level: number): string {
  const stream = execFileSync('pigz', ['--no-name', '--processes', '2', '--stdout', `-${level}`, path]);
  return createHash('sha256')
    .update(stream.subarray(gzipFrameBytes.header, -gzipFrameBytes.trailer))
    .digest('hex')
    .slice(0, 16);
}
