import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findXdelta3 } from '../../../delta/make/processes/xdelta3-binding.ts';
import { sampled } from '../../sampling.ts';
import { missingCommands } from '../../services/commands.ts';
import { describeUnless } from '../../services/requirement.ts';
import { decodeAll, outcomeOf } from './decode-all.ts';
import { filePair } from './file-pair.ts';

const noCommand = missingCommands('xdelta3');
let folder: string;
const at = (name: string) => path.join(folder, name);
const pair = filePair(3_000_000, 11);

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'slipway-vcdiff-'));
  writeFileSync(at('old'), pair.old);
  writeFileSync(at('new'), pair.new);
});
afterAll(() => rmSync(folder, { recursive: true }));

function encode(...options: readonly string[]): Buffer {
  execFileSync('xdelta3', ['-f', '-q', '-e', ...options, '-s', at('old'), at('new'), at('delta')]);
  return readFileSync(at('delta'));
}

describeUnless(noCommand, 'our decoder decodes `xdelta3 -e -S none`', () => {
  test.each([
    ['level 1', ['-1']],
    ['level 9', ['-9']],
    ['level 0: no matching but of the source', ['-0']],
    ['no checksums', ['-n']],
    ['no application header', ['-A=']],
    ['a large source window', ['-9', '-B', '268435456']],
    ['target windows of 16 KiB', ['-W', '16384']],
    ['target windows of 16 MiB', ['-W', '16777216']],
  ])('with %s', async (_name, options) => {
    const delta = encode('-S', 'none', ...options);
    expect((await decodeAll(pair.old, delta, { chunkBytes: 65_536 })).equals(pair.new)).toBe(true);
  });

  test('without an old file, and of an empty new file', async () => {
    execFileSync('xdelta3', ['-f', '-q', '-e', '-S', 'none', at('new'), at('delta')]);
    expect((await decodeAll(new Uint8Array(0), readFileSync(at('delta')))).equals(pair.new)).toBe(true);
    writeFileSync(at('empty'), '');
    execFileSync('xdelta3', ['-f', '-q', '-e', '-S', 'none', '-s', at('old'), at('empty'), at('delta')]);
    expect(await decodeAll(pair.old, readFileSync(at('delta')))).toHaveLength(0);
  });

  test('and refuses its checksum over another old file', async () => {
    const other = Buffer.from(pair.old);
    for (let i = 0; i < other.length; i += 1000) other[i] = (other[i] ?? 0) ^ 1;
    expect(await outcomeOf(other, encode('-S', 'none'))).toBe('vcdiff-checksum-mismatch');
  });

  test.each(['djw', 'lzma'])('and refuses its secondary compression %s', async (compressor) => {
    expect(await outcomeOf(pair.old, encode('-S', compressor))).toBe('vcdiff-secondary-compression');
  });
});

const found = findXdelta3();
const noEncoder = found.kind === 'available' ? noCommand : found.detail;
describeUnless(noEncoder, "`xdelta3 -d` decodes the packager's deltas", () => {
  test.each(sampled([3, 20], 1))('to the same bytes, for files of %d MB', async (megabytes) => {
    if (found.kind !== 'available') throw new Error(found.detail);
    const files = filePair(megabytes * 1_000_000, 29);
    writeFileSync(at('release-1'), files.old);
    writeFileSync(at('release-2'), files.new);
    const outcome = await found.encoder.encode(at('release-1'), at('release-2'), at('ours'));
    expect(outcome).toMatchObject({ kind: 'encoded' });
    execFileSync('xdelta3', ['-f', '-q', '-d', '-s', at('release-1'), at('ours'), at('decoded')]);
    expect(readFileSync(at('decoded')).equals(files.new)).toBe(true);
  });
});
