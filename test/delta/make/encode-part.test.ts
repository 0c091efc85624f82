import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { encodePart } from '../../../delta/make/encode-part.ts';
import { sampleBytes } from '../../corpus/flate/sample-bytes.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

/** Encodes `new_` from `old` by all methods. */
async function encoded(old: Uint8Array, new_: Uint8Array) {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-part-'));
  folders.push(folder);
  const place = (name: string, bytes: Uint8Array) => {
    writeFileSync(join(folder, name), bytes);
    return { file: join(folder, name), offset: 0, length: bytes.length };
  };
  const outFile = join(folder, 'out');
  const code = await encodePart({
    new: place('new', new_),
    olds: [{ index: 0, bytes: place('old', old) }],
    methods: ['go', 'approximate', 'zstdPatch', 'zstd'],
    outFile,
  });
  return { ...code, bytes: readFileSync(outFile) };
}

describe('encoding a part', () => {
  it('does not wait for the best level of zstd where its quick one is far behind an approximate patch', async () => {
    const old = sampleBytes('noise', 2_600_000, 1);
    // Differences of four bits, which only an approximate patch sees as such.
    const differences = sampleBytes('noise', old.length, 2);
    const new_ = old.map((byte, i) => (i % 16 === 0 ? byte + ((differences[i] as number) & 15) : byte));
    const { method, dataLength, tried } = await encoded(old, new_);
    expect(method).toBe('approximate');
    expect(dataLength).toBeGreaterThan(64 * 1024);
    expect(tried).toContainEqual({ method: 'zstdPatch', reason: expect.stringContaining('at its quick level') });
  });

  it('takes the patch by zstd where it is as small as an approximate one and decodes faster', async () => {
    const old = sampleBytes('noise', 300_000, 3);
    const new_ = Buffer.concat([sampleBytes('noise', 200_000, 4), old]);
    const { method, bytes } = await encoded(old, new_);
    expect(method).toBe('zstdPatch');
    expect(bytes.length).toBeLessThan(new_.length * 0.45);
  });

  it('looks for nothing in an old part that compressed content has nothing in common with', async () => {
    const { method, tried } = await encoded(sampleBytes('noise', 1_200_000, 5), sampleBytes('noise', 1_200_000, 6));
    expect(method).toBe('stored');
    expect(tried).toContainEqual({ method: 'approximate', reason: 'compressed content that is nothing like it' });
  });

  it('finds what compressed content has kept of an old part', async () => {
    const old = sampleBytes('noise', 1_200_000, 7);
    const new_ = Buffer.concat([
      sampleBytes('noise', 100_000, 8),
      old.subarray(0, 100_000),
      sampleBytes('noise', 1_000_000, 9),
    ]);
    const { dataLength } = await encoded(old, new_);
    expect(dataLength).toBeLessThan(1_102_000);
  });
});
