/**
 * Finds the files in a cpio archive of the "new ASCII" format, as an initramfs is (cpio(5); the kernel's
 * Documentation/driver-api/early-userspace/buffer-format.rst): magic 070701, or 070702 with checksums. Positions only;
 * a checksum is framing. Whatever does not look like a header ends the archive.
 */

import type { FileRange } from '../file-source.ts';
import type { ArchivedFile, ArchiveFormat } from './archive.ts';

const magicBytes = 6;
const fieldBytes = 8;
/** The magic number and thirteen fields of eight hexadecimal digits. */
const headerBytes = magicBytes + 13 * fieldBytes;
const fields = { mode: 1, fileSize: 6, nameSize: 11 } as const;
/** PATH_MAX of Linux, with its NUL: the kernel skips what has a longer name. */
const maxNameBytes = 4096;
const trailerName = 'TRAILER!!!';
const fileType = { mask: 0o170000, regular: 0o100000 };
const zerosBytes = 64 * 1024;

export const cpio: ArchiveFormat = {
  isAt: (range) => readEntry(range, 0) !== undefined,
  read(range) {
    const files: ArchivedFile[] = [];
    let at = 0;
    for (;;) {
      const entry = readEntry(range, at);
      if (entry === undefined) return { files, end: at };
      const { name, offset, length, isRegular } = entry;
      at = Math.min(aligned(offset + length), range.length);
      // The kernel takes another archive behind the trailer and any zeros; cpio pads its last block with them.
      if (name === trailerName) return { files, end: endOfZeros(range, at) };
      if (isRegular && length > 0) files.push({ name, offset, length });
    }
  },
};

interface Entry {
  readonly name: string;
  readonly offset: number;
  readonly length: number;
  readonly isRegular: boolean;
}

/** Undefined where there is no header, or its file reaches beyond the range. */
function readEntry(range: FileRange, at: number): Entry | undefined {
  const header = range.read(at, headerBytes).toString('latin1');
  if (!/^07070[12][0-9a-fA-F]{104}$/.test(header)) return undefined;
  const field = (index: number) =>
    Number.parseInt(header.slice(magicBytes + index * fieldBytes, magicBytes + (index + 1) * fieldBytes), 16);
  const nameBytes = field(fields.nameSize);
  const length = field(fields.fileSize);
  const offset = aligned(at + headerBytes + nameBytes);
  if (nameBytes < 1 || nameBytes > maxNameBytes || offset + length > range.length) return undefined;
  const name = range.read(at + headerBytes, nameBytes);
  // Exactly the last byte of a name is NUL.
  if (name.indexOf(0) !== nameBytes - 1) return undefined;
  return {
    name: name.toString('utf8', 0, nameBytes - 1),
    offset,
    length,
    isRegular: (field(fields.mode) & fileType.mask) === fileType.regular,
  };
}

/** Headers and files begin at offsets that four divides. */
function aligned(offset: number): number {
  return Math.ceil(offset / 4) * 4;
}

function endOfZeros(range: FileRange, start: number): number {
  for (let at = start; at < range.length; at += zerosBytes) {
    const found = range.read(at, zerosBytes).findIndex((byte) => byte !== 0);
    if (found >= 0) return at + found;
  }
  return range.length;
}
