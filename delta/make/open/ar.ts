/**
 * Finds the members of an ar archive, as Debian packages and static libraries are. Positions only; names are labels.
 */

import type { FileRange } from '../file-source.ts';
import type { Archive, ArchivedFile, ArchiveFormat } from './archive.ts';

const magic = Buffer.from('!<arch>\n', 'latin1');
const headerBytes = 60;

export const ar: ArchiveFormat = { isAt: isAr, read: readAr };

function isAr(range: FileRange): boolean {
  return range.read(0, magic.length).equals(magic);
}

function readAr(range: FileRange): Archive {
  const files: ArchivedFile[] = [];
  let at = magic.length;
  while (range.length - at >= headerBytes) {
    const header = range.read(at, headerBytes).toString('latin1');
    const digits = header.slice(48, 58).trim();
    const length = Number(digits);
    const offset = at + headerBytes;
    if (!header.endsWith('`\n') || !/^\d+$/.test(digits) || offset + length > range.length) break;
    if (length > 0) files.push({ name: header.slice(0, 16).trim().replace(/\/$/, ''), offset, length });
    // Members begin at even offsets.
    at = Math.min(offset + length + (length % 2), range.length);
  }
  return { files, end: at };
}
