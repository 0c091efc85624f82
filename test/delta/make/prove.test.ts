import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sha256 } from '../../../contract/digest.ts';
import { openFileSource } from '../../../delta/make/file-source.ts';
import { proveDelta } from '../../../delta/make/prove.ts';
import { ascii, deltaOf } from '../vcdiff/delta-writer.ts';

const expected = { length: 7, sha256: sha256(Buffer.from('abcdXYZ')) };
const delta = deltaOf({
  source: { length: 4, position: 0 },
  targetLength: 7,
  data: ascii('XYZ'),
  instructions: [20, 4],
  addresses: [0],
});

let folder: string;
let oldFile: string;
let deltaFile: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'slipway-prove-'));
  oldFile = path.join(folder, 'old');
  deltaFile = path.join(folder, 'delta');
  writeFileSync(oldFile, 'abcdef');
  writeFileSync(deltaFile, delta);
});
afterEach(() => rmSync(folder, { recursive: true }));

test('accepts a delta that gives the new file', async () => {
  await expect(proveDelta(oldFile, deltaFile, expected)).resolves.toBeUndefined();
});

test('refuses a delta that gives other bytes of the same length', async () => {
  writeFileSync(oldFile, 'abcDef');
  await expect(proveDelta(oldFile, deltaFile, expected)).rejects.toMatchObject({ code: 'delta-not-reproducible' });
});

test.each([6, 8])('refuses a delta whose result is not the %d bytes of the new file', async (length) => {
  const proof = proveDelta(oldFile, deltaFile, { ...expected, length });
  await expect(proof).rejects.toMatchObject({ code: 'delta-not-reproducible', cause: { code: 'length-mismatch' } });
});

test('refuses a delta that devices cannot decode, and keeps the reason as cause', async () => {
  truncateSync(deltaFile, delta.length - 1);
  const proof = proveDelta(oldFile, deltaFile, expected);
  await expect(proof).rejects.toMatchObject({ code: 'delta-not-reproducible', cause: { code: 'vcdiff-truncated' } });
});

test.each(['old', 'delta'])('a missing %s file is an error of reading, not of the delta', async (name) => {
  rmSync(path.join(folder, name));
  await expect(proveDelta(oldFile, deltaFile, expected)).rejects.toMatchObject({ code: 'io-error' });
});

test('an old file that shrinks while it is read is an error of reading', () => {
  const source = openFileSource(oldFile);
  truncateSync(oldFile, 3);
  expect(() => source.readInto(new Uint8Array(4), 0)).toThrow(expect.objectContaining({ code: 'io-error' }));
  source[Symbol.dispose]();
});
