import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sha256 } from '../../../contract/digest.ts';
import { findXdelta3 } from '../../../delta/make/processes/xdelta3-binding.ts';
import { missingCommands } from '../../services/commands.ts';
import { describeUnless } from '../../services/requirement.ts';
import { filePair } from './file-pair.ts';

const megabyte = 1_000_000;
/** Far less than the 30 MB by which old and new file grow, enough for the mood of the garbage collector. */
const maxGrowthKiB = 16 * 1024;
/** Node itself takes about 80 MiB. */
const maxRssKiB = 160 * 1024;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'slipway-vcdiff-memory-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

interface Measurement {
  readonly bytes: number;
  readonly sha256: string;
  readonly maxRssKiB: number;
  readonly milliseconds: number;
}

type Encode = (oldFile: string, newFile: string, deltaFile: string) => Promise<void>;

async function measure(label: string, length: number, encode: Encode): Promise<Measurement> {
  const [oldFile, newFile, deltaFile] = ['old', 'new', 'delta'].map((name) => path.join(folder, name)) as [
    string,
    string,
    string,
  ];
  const pair = filePair(length, 23);
  writeFileSync(oldFile, pair.old);
  writeFileSync(newFile, pair.new);
  await encode(oldFile, newFile, deltaFile);
  const program = path.join(import.meta.dirname, 'measure-decode.ts');
  const output = execFileSync(process.execPath, [program, oldFile, deltaFile], { encoding: 'utf8' });
  const found = JSON.parse(output) as Measurement;
  expect(found.sha256).toBe(sha256(pair.new));
  process.stderr.write(
    `${label}: ${found.bytes} bytes decoded in ${found.milliseconds} ms, peak RSS ${Math.round(found.maxRssKiB / 1024)} MiB\n`,
  );
  return found;
}

async function expectNoGrowth(label: string, encode: Encode): Promise<void> {
  const small = await measure(label, 15 * megabyte, encode);
  const large = await measure(label, 45 * megabyte, encode);
  expect(large.bytes).toBeGreaterThan(2.5 * small.bytes);
  expect(large.maxRssKiB - small.maxRssKiB).toBeLessThan(maxGrowthKiB);
  expect(large.maxRssKiB).toBeLessThan(maxRssKiB);
}

const found = findXdelta3();
describeUnless(found.kind === 'available' ? undefined : found.detail, "a delta of the packager's binding", () => {
  test('decodes 45 MB in the memory of 15 MB', async () => {
    if (found.kind !== 'available') throw new Error(found.detail);
    const { encoder } = found;
    await expectNoGrowth('binding', async (...files) => {
      expect(await encoder.encode(...files)).toMatchObject({ kind: 'encoded' });
    });
  });
});

describeUnless(missingCommands('xdelta3'), 'a delta of `xdelta3 -e -S none`', () => {
  test('decodes 45 MB in the memory of 15 MB', async () => {
    await expectNoGrowth('xdelta3', async (oldFile, newFile, deltaFile) => {
      const options = ['-f', '-q', '-e', '-S', 'none', '-B', '134217728'];
      execFileSync('xdelta3', [...options, '-s', oldFile, newFile, deltaFile]);
    });
  });
});
