import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileRange, openFileSource } from '../../../../delta/make/file-source.ts';
import { cpio } from '../../../../delta/make/open/cpio.ts';
import { cpioed } from '../../../corpus/containers.ts';
import { sampleBytes } from '../../../corpus/flate/sample-bytes.ts';
import { missingCommands } from '../../../services/commands.ts';
import { describeUnless } from '../../../services/requirement.ts';
import { deltaBetween } from '../delta-bench.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'slipway-cpio-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function rangeOf(bytes: Uint8Array): FileRange {
  const path = join(folder, 'bytes');
  writeFileSync(path, bytes);
  return new FileRange(openFileSource(path));
}

const a = { name: 'a', bytes: Buffer.from('AAAAA') };
const b = { name: 'bin/b', bytes: Buffer.from('B') };
const headerBytes = 110;
/** Header, name and padding of `a`, its bytes and their padding. */
const firstEnd = 112 + 8;

describe('a cpio archive', () => {
  it.each(['070701', '070702'] as const)('gives its files by place and name, with magic %s', (magic) => {
    const archive = cpioed([a, b], magic);
    const range = rangeOf(archive);
    expect(cpio.isAt(range)).toBe(true);
    const { files, end } = cpio.read(range);
    expect(files.map(({ name }) => name)).toEqual(['a', 'bin/b']);
    expect(files.map(({ offset, length }) => range.read(offset, length).toString())).toEqual(['AAAAA', 'B']);
    expect(end).toBe(archive.length);
  });

  it('ends behind the zeros that follow its trailer, before what is none', () => {
    const archive = cpioed([a]);
    const zeros = Buffer.alloc(70_000);
    expect(cpio.read(rangeOf(Buffer.concat([archive, zeros])))?.end).toBe(archive.length + zeros.length);
    expect(cpio.read(rangeOf(Buffer.concat([archive, zeros, archive])))).toEqual({
      files: [{ name: 'a', offset: 112, length: 5 }],
      end: archive.length + zeros.length,
    });
  });

  it.each([
    ['another magic', 5, '3'],
    ['a digit that is none', 60, 'g'],
    ['a sign for a digit', 54, '-'],
    ['a name without an end', headerBytes + 5, 'x'],
    ['a name that ends early', headerBytes + 1, '\0'],
    ['no name', 94, '00000000'],
    ['a name longer than a path may be', 94, '00001001'],
    ['a size beyond the end', 54, 'ffffffff'],
  ])('ends before a header with %s', (_, at, text) => {
    const archive = cpioed([a, b]);
    archive.write(text, firstEnd + at, 'latin1');
    expect(cpio.read(rangeOf(archive))).toEqual({ files: [{ name: 'a', offset: 112, length: 5 }], end: firstEnd });
    archive.copy(archive, 0, firstEnd);
    expect(cpio.isAt(rangeOf(archive))).toBe(false);
  });

  it('is read as far as it goes when it is cut off anywhere', () => {
    const archive = cpioed([a, b]);
    for (let length = 0; length < archive.length; length++) {
      const range = rangeOf(archive.subarray(0, length));
      const { files, end } = cpio.read(range);
      expect(end).toBeLessThanOrEqual(length);
      for (const file of files) expect(file.offset + file.length).toBeLessThanOrEqual(end);
      expect(cpio.isAt(range)).toBe(length >= 117);
      range.file[Symbol.dispose]();
    }
  });

  it('gives a delta of the edits alone', async () => {
    const kernel = sampleBytes('records', 300_000, 1);
    const tool = Buffer.from(sampleBytes('records', 200_000, 2));
    const edited = Buffer.from(tool);
    edited.write('edited', 100_000);
    const initramfs = (bytes: Buffer) =>
      cpioed([
        { name: 'usr/bin/tool', bytes },
        { name: 'lib/modules/kernel.ko', bytes: kernel },
      ]);
    const made = await deltaBetween(initramfs(tool), initramfs(edited));
    expect(made.applied.equals(initramfs(edited))).toBe(true);
    expect(made.strategy).toBe('opened');
    expect(made.parts.map(({ method }) => method)).toContain('copy');
    expect(made.length).toBeLessThan(1000);
  });
});

describeUnless(missingCommands('cpio'), 'the cpio command', () => {
  it.each(['newc', 'crc'])('writes archives that are read whole, in the format %s', (format) => {
    mkdirSync(join(folder, 'in', 'deep'), { recursive: true });
    writeFileSync(join(folder, 'in', 'deep', 'file'), 'content');
    writeFileSync(join(folder, 'in', 'empty'), '');
    symlinkSync('nowhere', join(folder, 'in', 'link'));
    const archive = execFileSync('cpio', ['-o', '--quiet', '-H', format], {
      cwd: join(folder, 'in'),
      input: ['.', 'deep', 'deep/file', 'empty', 'link', ''].join('\n'),
    });
    const range = rangeOf(archive);
    const { files, end } = cpio.read(range);
    expect(files.map(({ name }) => name)).toEqual(['deep/file']);
    expect(range.read(files[0]?.offset ?? 0, files[0]?.length ?? 0).toString()).toBe('content');
    // cpio fills a record of 512 bytes.
    expect(end).toBe(archive.length);
    expect(archive.length % 512).toBe(0);
  });
});
