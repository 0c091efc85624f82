import { copyFileSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sha256 } from '../../../contract/digest.ts';
import type { DeltaEncoder } from '../../../delta/make/ports.ts';
import { makeVcdiff } from '../../../delta/make/vcdiff.ts';
import { deltaOf } from '../vcdiff/delta-writer.ts';

let folder: string;
const at = (name: string) => path.join(folder, name);
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'slipway-make-'));
  writeFileSync(at('old'), 'old bytes');
  writeFileSync(at('new'), 'new bytes!');
  writeFileSync(at('empty'), '');
});
afterEach(() => rmSync(folder, { recursive: true }));

const expected = { length: 10, sha256: sha256(Buffer.from('new bytes!')) };

/** Says the whole new file anew: right, and of no use. */
function literalEncoder(text: string): DeltaEncoder & { readonly calls: string[] } {
  const calls: string[] = [];
  return {
    format: 'vcdiff',
    maxInputBytes: 10,
    calls,
    async encode(oldFile, newFile, outFile) {
      calls.push(`${oldFile} ${newFile}`);
      const bytes = [...Buffer.from(text)];
      const delta = deltaOf({ targetLength: bytes.length, data: bytes, instructions: [1, bytes.length] });
      writeFileSync(outFile, delta);
      return { kind: 'encoded', length: delta.length };
    },
  };
}

test('keeps a delta that gives the new file', async () => {
  const outcome = await makeVcdiff(literalEncoder('new bytes!'), at('old'), at('new'), at('out'), expected);
  expect(outcome).toMatchObject({ kind: 'encoded' });
  expect(existsSync(at('out'))).toBe(true);
});

test('drops a delta that does not give the new file, and says so', async () => {
  const outcome = await makeVcdiff(literalEncoder('new bytes?'), at('old'), at('new'), at('out'), expected);
  expect(outcome).toMatchObject({ kind: 'skipped', reason: 'not-reproducible' });
  expect(existsSync(at('out'))).toBe(false);
});

test('does not start the encoder for an empty file', async () => {
  const encoder = literalEncoder('');
  const none = { length: 0, sha256: sha256(new Uint8Array(0)) };
  for (const outcome of [
    await makeVcdiff(encoder, at('empty'), at('new'), at('out'), expected),
    await makeVcdiff(encoder, at('old'), at('empty'), at('out'), none),
  ]) {
    expect(outcome).toMatchObject({ kind: 'skipped', reason: 'input-empty' });
  }
  expect(encoder.calls).toEqual([]);
});

test('does not start the encoder for an old or new file above its limit', async () => {
  const encoder = literalEncoder('new bytes!');
  copyFileSync(at('new'), at('large'));
  writeFileSync(at('large'), 'one byte more', { flag: 'a' });
  for (const outcome of [
    await makeVcdiff(encoder, at('large'), at('new'), at('out'), expected),
    await makeVcdiff(encoder, at('old'), at('large'), at('out'), { ...expected, length: 23 }),
  ]) {
    expect(outcome).toMatchObject({ kind: 'skipped', reason: 'input-too-large' });
  }
  expect(encoder.calls).toEqual([]);
});

test('a missing old file is an error', async () => {
  const making = makeVcdiff(literalEncoder('new bytes!'), at('none'), at('new'), at('out'), expected);
  await expect(making).rejects.toMatchObject({ code: 'io-error' });
});
