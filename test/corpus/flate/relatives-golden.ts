/**
 * Writes test/delta/flate/relatives-golden.json anew: what the relatives of zlib in GNU gzip and in Node make of
 * the samples. Needs gzip on PATH; the test that reads the file does not. Run: node test/corpus/flate/relatives-golden.ts
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateRawSync } from 'node:zlib';
import { sampleBytes, sampleKinds } from './sample-bytes.ts';

const levels = [1, 2, 3, 4, 5, 6, 7, 8, 9];
/** Around the border of the window, where what lies behind the input shows, and long enough for blocks that end early. */
const lengths = [3, 5000, 65274, 65275, 65530, 65536, 131073, 400_000];
const gzipFrameBytes = { header: 10, trailer: 8 };

const rows = sampleKinds.flatMap((kind, k) =>
  lengths.map((length, l) => {
    const seed = k * 1000 + l;
    const bytes = sampleBytes(kind, length, seed);
    const byLevel = (encode: (bytes: Uint8Array, level: number) => Buffer) =>
      Object.fromEntries(levels.map((level) => [level, digest(encode(bytes, level))]));
    return `  ${JSON.stringify({ kind, length, seed, gzip: byLevel(gzip), chromium: byLevel(chromium) })}`;
  }),
);
const madeBy = `${execFileSync('gzip', ['--version']).toString().split('\n')[0]}, zlib ${process.versions.zlib}`;
writeFileSync(
  join(import.meta.dirname, '../../delta/flate/relatives-golden.json'),
  `{ "madeBy": ${JSON.stringify(madeBy)}, "samples": [\n${rows.join(',\n')}\n] }\n`,
);

function gzip(input: Uint8Array, level: number): Buffer {
  const file = execFileSync('gzip', ['--no-name', '--stdout', `-${level}`], { input, maxBuffer: 2 ** 24 });
  return file.subarray(gzipFrameBytes.header, -gzipFrameBytes.trailer);
}

function chromium(input: Uint8Array, level: number): Buffer {
  return deflateRawSync(input, { level });
}

function digest(stream: Buffer): string {
  return createHash('sha256').update(stream).digest('hex').slice(0, 16);
}
