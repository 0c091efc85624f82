/**
 * Writes test/delta/flate/go-golden.json anew: what Go itself makes of the samples at every level. Needs `go`
 * on PATH; the test that reads the file does not. Run: node test/corpus/flate/go-golden.ts
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sampleBytes, sampleKinds, sampleLengths } from './sample-bytes.ts';

const levels = [-2, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
/** As io.Copy writes, and in pieces that cross every border. */
const chunks = [32 * 1024, 9973];

const folder = mkdtempSync(join(tmpdir(), 'go-golden-'));
try {
  const samples = sampleKinds.flatMap((kind, k) =>
    sampleLengths.map((length, l) => ({ kind, length, seed: k * 1000 + l })),
  );
  const lines: string[] = [];
  for (const { kind, length, seed } of samples) {
    const path = join(folder, `${kind}-${length}`);
    writeFileSync(path, sampleBytes(kind, length, seed));
    for (const chunk of chunks) for (const level of levels) lines.push(`${level} ${chunk} ${path}`);
  }
  const answer = execFileSync('go', ['run', join(import.meta.dirname, 'go-golden.go')], {
    input: `${lines.join('\n')}\n`,
    maxBuffer: 2 ** 26,
  });
  const digests = answer.toString().trim().split('\n');
  const golden = samples.map((sample, s) => {
    const at = (c: number) => s * chunks.length * levels.length + c * levels.length;
    const [copied, odd] = [digests.slice(at(0), at(1)), digests.slice(at(1), at(2))];
    const differing = levels.filter((_, i) => copied[i] !== odd[i]);
    if (differing.length > 0) process.stderr.write(`${JSON.stringify(sample)} differs by writes at ${differing}\n`);
    return { ...sample, streams: Object.fromEntries(levels.map((level, i) => [level, copied[i]?.slice(0, 16)])) };
  });
  const rows = golden.map((row) => `  ${JSON.stringify(row)}`).join(',\n');
  const version = execFileSync('go', ['version']).toString().trim();
  writeFileSync(
    join(import.meta.dirname, '../../delta/flate/go-golden.json'),
    `{ "madeBy": ${JSON.stringify(version)}, "samples": [\n${rows}\n] }\n`,
  );
} finally {
  rmSync(folder, { recursive: true });
}
