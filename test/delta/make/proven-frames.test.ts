/** A frame that opening a target has proved is not written a second time to prove the delta, and nothing else is taken for it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { sha256 } from '../../../contract/digest.ts';
import { FileRange, openFileSource } from '../../../delta/make/file-source.ts';
import { withProvenFrames } from '../../../delta/make/proven-frames.ts';
import { libzstdEncoder } from '../../../delta/recipe/libzstd.ts';
import type { ZstdEncoder } from '../../../delta/recipe/ports.ts';
import type { ZstdSettings } from '../../../delta/recipe/zstd-settings.ts';
import { tarred, zstandard } from '../../corpus/containers.ts';
import { sampleBytes } from '../../corpus/flate/sample-bytes.ts';
import { deltaBetween } from './delta-bench.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'slipway-proven-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Counts frames that are written to their end. */
function counting(encoder: ZstdEncoder) {
  const counted = {
    ended: 0,
    versions: encoder.versions,
    encode(...args: Parameters<ZstdEncoder['encode']>) {
      const encoding = encoder.encode(...args);
      return {
        write: (bytes: Uint8Array) => encoding.write(bytes),
        settle: () => encoding.settle(),
        close: () => encoding.close(),
        async finish() {
          await encoding.finish();
          counted.ended++;
        },
      };
    },
  };
  return counted;
}

it('is written once when a delta is made, and once by the device', async () => {
  const payload = (words: string) =>
    zstandard(
      tarred([{ name: 'bin/k3s', bytes: Buffer.concat([sampleBytes('records', 200_000, 1), Buffer.from(words)]) }]),
      {
        level: 16,
      },
    );
  const zstd = counting(libzstdEncoder());
  const made = await deltaBetween(payload('old'), payload('new'), { zstd });
  expect(made).toMatchObject({ strategy: 'opened', unopened: [], givenUp: [] });
  expect(made.applied.equals(payload('new'))).toBe(true);
  expect(zstd.ended).toBe(2);
});

const settings: ZstdSettings = {
  ...{ encoder: 'libzstd', version: process.versions.zstd ?? '', level: 3, windowLog: 20 },
  ...{ longDistance: false, jobs: false, checksum: true, contentSize: true },
};

async function written(encoder: ZstdEncoder, bytes: Uint8Array, frameLength: number, of = settings): Promise<Buffer> {
  const pieces: Buffer[] = [];
  const encoding = encoder.encode(of, bytes.length, frameLength, (piece) => {
    pieces.push(Buffer.from(piece));
  });
  await encoding.write(bytes);
  await encoding.finish();
  encoding.close();
  return Buffer.concat(pieces);
}

it('is given for its own content and settings alone', async () => {
  const content = sampleBytes('text', 50_000, 3);
  const frame = Buffer.from('what stands in the artifact'.repeat(10));
  const file = path.join(folder, 'artifact');
  writeFileSync(file, frame);
  using source = openFileSource(file);
  const proven = {
    settings,
    contentLength: content.length,
    contentSha256: sha256(content),
    frame: new FileRange(source),
  };
  const real = counting(libzstdEncoder());
  const encoder = withProvenFrames([proven], real);
  expect(await written(encoder, content, frame.length)).toEqual(frame);
  expect(real.ended).toBe(0);
  // Other settings and other lengths are written.
  for (const other of [
    { ...settings, level: 4 },
    { ...settings, checksum: false },
  ]) {
    expect(await written(encoder, content, frame.length, other)).not.toEqual(frame);
  }
  expect(await written(encoder, content, frame.length + 1)).not.toEqual(frame);
  expect(real.ended).toBe(3);
  // Content of the same length that is another is what no encoder would have made the frame of.
  const damaged = Uint8Array.from(content);
  damaged[7] = (damaged[7] ?? 0) ^ 1;
  await expect(written(encoder, damaged, frame.length)).rejects.toMatchObject({ code: 'recipe-not-reproducible' });
});
