/**
 * Writes test/contract/delta/flate/gzip-golden.json anew: what GNU gzip itself makes of the samples. Needs gzip on PATH;
 * the test that reads the file does not. Run: node test/corpus/flate/gzip-golden.ts
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sampleBytes, sampleKinds, sampleLengths } from './sample-bytes.ts';

const levels = [1, 2, 3, 4, 5, 6, 7, 8, 9];
/** Beside those: where a block ends early, which takes several thousand symbols, and long ones. */
const lengths = [...sampleLengths.filter((length) => length > 300), 1_000_000];
const gzipFrameBytes = { header: 10, trailer: 8 };

const rows = sampleKinds.flatMap((kind, k) =>
  lengths.map((length, l) => {
    const seed = k * 1000 + l;
    const bytes = sampleBytes(kind, length, seed);
    const gzip = Object.fromEntries(levels.map((level) => [level, digest(bytes, level)]));
    return `  ${JSON.stringify({ kind, length, seed, gzip })}`;
  }),
);
const madeBy = execFileSync('gzip', ['--version']).toString().split('\n')[0];
writeFileSync(
  join(import.meta.dirname, '../../contract/delta/flate/gzip-golden.json'),
  `{ "madeBy": ${JSON.stringify(madeBy)}, "samples": [\n${rows.join(',\n')}\n] }\n`,
);

function digest(input: Uint8Array, level: number): string {
  const stream = execFileSync('gzip', ['--no-name', '--stdout', `-${level}`], { input, maxBuffer: 2 ** 24 });
  return createHash('sha256')
    .update(stream.subarray(gzipFrameBytes.header, -gzipFrameBytes.trailer))
    .digest('hex')
    .slice(0, 16);
}
