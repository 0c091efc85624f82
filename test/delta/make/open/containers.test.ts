import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { elfLength } from '../../../../delta/elf.ts';
import { FileRange, openFileSource } from '../../../../delta/make/file-source.ts';
import { readGzipHeader } from '../../../../delta/make/open/gzip-header.ts';
import { nextMagic } from '../../../../delta/make/open/scan.ts';
import { tar } from '../../../../delta/make/open/tar.ts';
import { readZip } from '../../../../delta/make/open/zip-directory.ts';
import { readZstdFrame } from '../../../../delta/make/open/zstd-frame.ts';
import { elf, gzipped, tarred, zipped, zstandard } from '../../../corpus/containers.ts';
import { sampleBytes } from '../../../corpus/flate/sample-bytes.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'slipway-containers-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function rangeOf(bytes: Uint8Array): FileRange {
  const path = join(folder, 'bytes');
  writeFileSync(path, bytes);
  return new FileRange(openFileSource(path));
}

describe('a tar', () => {
  const longName = `${'deep/'.repeat(40)}file`;

  it.each(['gnu', 'pax', 'ustar', 'v7'])('gives its files by place and name in the format %s', (format) => {
    const name = format === 'gnu' || format === 'pax' ? longName : 'short';
    mkdirSync(join(folder, 'in', name, '..'), { recursive: true });
    writeFileSync(join(folder, 'in', name), 'content');
    execFileSync('ln', ['-s', 'nowhere', join(folder, 'in', 'link')]);
    execFileSync('tar', [
      'cf',
      join(folder, 'out.tar'),
      `--format=${format}`,
      '--sort=name',
      '-C',
      join(folder, 'in'),
      '.',
    ]);
    const range = new FileRange(openFileSource(join(folder, 'out.tar')));
    const { files, end } = tar.read(range);
    expect(files.map((file) => file.name)).toEqual([`./${name}`]);
    expect(range.read(files[0]?.offset ?? 0, files[0]?.length ?? 0).toString()).toBe('content');
    expect(end).toBe(range.length);
  });

  it('ends before a header that is damaged', () => {
    const bytes = tarred([
      { name: 'a', bytes: Buffer.from('A') },
      { name: 'b', bytes: Buffer.from('B') },
    ]);
    bytes[1024] = 0x7a;
    expect(tar.read(rangeOf(bytes))).toEqual({ files: [{ name: 'a', offset: 512, length: 1 }], end: 1024 });
  });

  it('does not follow a size beyond its end', () => {
    const bytes = tarred([{ name: 'a', bytes: Buffer.from('A') }]);
    expect(tar.read(rangeOf(bytes.subarray(0, 512)))).toEqual({ files: [], end: 0 });
  });
});

describe('a ZIP', () => {
  const members = [
    { name: 'a', bytes: sampleBytes('text', 9000, 1) },
    { name: 'b', bytes: sampleBytes('text', 7000, 2) },
  ];

  it('is found behind other bytes and before its comment', () => {
    const zip = zipped(members, { encoder: 'go', level: 9 });
    const comment = Buffer.from('comment');
    zip.writeUInt16LE(comment.length, zip.length - 2);
    const found = readZip(rangeOf(Buffer.concat([Buffer.alloc(100), zip, comment])));
    expect(found?.start).toBe(100);
    expect(found?.end).toBe(100 + zip.length + comment.length);
    expect(found?.members.map(({ name, offset }) => [name, offset])).toEqual([
      ['a', 131],
      ['b', 131 + (found?.members[0]?.length ?? 0) + 16 + 31],
    ]);
  });

  it('is read by its ZIP64 records where the plain ones overflowed', () => {
    const zip = zipped(members, { encoder: 'go', level: 9 });
    const end = zip.subarray(zip.length - 22);
    const record = Buffer.alloc(76);
    record.writeUInt32LE(0x06064b50, 0);
    record.writeBigUInt64LE(44n, 4);
    record.writeBigUInt64LE(2n, 24);
    record.writeBigUInt64LE(2n, 32);
    record.writeBigUInt64LE(BigInt(end.readUInt32LE(12)), 40);
    record.writeBigUInt64LE(BigInt(end.readUInt32LE(16)), 48);
    record.writeUInt32LE(0x07064b50, 56);
    record.writeBigUInt64LE(BigInt(zip.length - 22), 64);
    const overflowed = Buffer.from(end).fill(0xff, 8, 20);
    const wide = Buffer.concat([zip.subarray(0, zip.length - 22), record, overflowed]);
    expect(readZip(rangeOf(wide))?.members).toEqual(readZip(rangeOf(zip))?.members);
  });

  it.each([
    ['a directory that begins before the file', 16, 0xfffffff0],
    ['a directory longer than the file', 12, 0x7fffffff],
    ['more members than it has', 10, 0x00000900],
  ])('is none with %s', (_, field, value) => {
    const zip = zipped(members, { encoder: 'go', level: 9 });
    if (field === 10) zip.writeUInt16LE(value & 0xffff, zip.length - 22 + field);
    else zip.writeUInt32LE(value, zip.length - 22 + field);
    expect(readZip(rangeOf(zip))).toBeUndefined();
  });

  it.each([
    ['data that reaches into the directory', 20, 0x00100000],
    ['a header behind the directory', 42, 0x00100000],
    ['a header that is none', 42, 1],
  ])('is none with a member with %s', (_, field, value) => {
    const zip = zipped(members, { encoder: 'go', level: 9 });
    const directory = zip.readUInt32LE(zip.length - 6);
    zip.writeUInt32LE(value, directory + field);
    expect(readZip(rangeOf(zip))).toBeUndefined();
  });
});

describe('a gzip header', () => {
  it('is as long as its fields say', () => {
    const plain = gzipped(new Uint8Array(9000), { encoder: 'go', level: 6 });
    expect(readGzipHeader(rangeOf(plain), 0)).toEqual({ length: 10, name: '' });
    const fields = Buffer.from('\x1f\x8b\x08\x1e\0\0\0\0\0\x03\x02\0xxname\0comment\0hc', 'latin1');
    expect(readGzipHeader(rangeOf(Buffer.concat([fields, plain.subarray(10)])), 0)).toEqual({
      length: fields.length,
      name: 'name',
    });
    expect(readGzipHeader(rangeOf(Buffer.from('\x1f\x8b\x08\xe0\0\0\0\0\0\x03\x02\0', 'latin1')), 0)).toBeUndefined();
  });
});

describe('a zstd frame', () => {
  it('is walked to its end, also when more follows', () => {
    const frame = zstandard(sampleBytes('mixed', 500_000, 3), { level: 5 });
    const range = rangeOf(Buffer.concat([frame, Buffer.alloc(50)]));
    expect(readZstdFrame(range, 0)).toEqual({
      length: frame.length,
      // Magic number, descriptor and a content size of four bytes: one segment names no window.
      headerLength: 9,
      windowLog: 19,
      checksum: true,
      contentLength: 500_000,
    });
    expect(readZstdFrame(range.slice(0, frame.length - 5), 0)).toBeUndefined();
  });

  it('is refused with a window larger than a device opens, or with a dictionary', () => {
    const header = (descriptor: number, window: number) =>
      rangeOf(
        Buffer.concat([
          Buffer.from([0x28, 0xb5, 0x2f, 0xfd, descriptor, window]),
          Buffer.from([1, 0, 0]),
          Buffer.alloc(9),
        ]),
      );
    expect(readZstdFrame(header(0, 17 << 3), 0)?.windowLog).toBe(27);
    expect(readZstdFrame(header(0, 18 << 3), 0)).toBeUndefined();
    expect(readZstdFrame(header(1, 17 << 3), 0)).toBeUndefined();
  });
});

describe('an ELF', () => {
  it('ends where its last segment or section does', () => {
    const file = elf(sampleBytes('records', 5000, 4));
    expect(elfLength(rangeOf(Buffer.concat([file, Buffer.alloc(77)])))).toBe(file.length);
    expect(elfLength(rangeOf(file.subarray(0, file.length - 1)))).toBeUndefined();
    expect(elfLength(new FileRange(openFileSource(process.execPath)))).toBe(openFileSource(process.execPath).length);
  });
});

describe('the scan', () => {
  it('finds a magic number that lies across its windows', () => {
    const bytes = Buffer.alloc(2 * 1024 * 1024);
    bytes.set([0x28, 0xb5, 0x2f, 0xfd], 1024 * 1024 - 2);
    bytes.set([0x1f, 0x8b, 0x08], 1024 * 1024 + 500);
    expect(nextMagic(rangeOf(bytes), 0)).toBe(1024 * 1024 - 2);
    expect(nextMagic(rangeOf(bytes), 1024 * 1024 - 1)).toBe(1024 * 1024 + 500);
    expect(nextMagic(rangeOf(bytes), 1024 * 1024 + 501)).toBeUndefined();
  });
});
