/**
 * Finds the files in a tar (POSIX.1-1988 ustar, pax, GNU), by position only: what the headers say of names and modes
 * is framing. Whatever does not look like a header ends the archive.
 */

import type { FileRange } from '../file-source.ts';
import type { Archive, ArchivedFile, ArchiveFormat } from './archive.ts';

const blockBytes = 512;

export const tar: ArchiveFormat = { isAt: isTar, read: readTar };

/** True when it begins with a tar header of the right checksum. */
function isTar(range: FileRange): boolean {
  return range.length >= 2 * blockBytes && readHeader(range.read(0, blockBytes)) !== undefined;
}

/** The regular files, in order, and where the archive ends: behind its zero blocks. */
function readTar(range: FileRange): Archive {
  const files: ArchivedFile[] = [];
  let at = 0;
  let longName: string | undefined;
  let paxSize: number | undefined;
  while (range.length - at >= blockBytes) {
    const header = readHeader(range.read(at, blockBytes));
    if (header === undefined) break;
    const offset = at + blockBytes;
    const length = paxSize !== undefined && header.regular ? paxSize : header.size;
    const next = offset + Math.ceil(length / blockBytes) * blockBytes;
    if (offset + length > range.length) break;
    if (header.type === 'L') {
      longName = text(range.read(offset, Math.min(length, 4096)));
    } else if (header.type === 'x') {
      const fields = paxFields(range.read(offset, Math.min(length, 65_536)));
      longName = fields.get('path') ?? longName;
      const size = Number(fields.get('size'));
      paxSize = Number.isSafeInteger(size) && size >= 0 && fields.has('size') ? size : undefined;
    } else {
      if (header.regular && length > 0) files.push({ name: longName ?? header.name, offset, length });
      longName = undefined;
      paxSize = undefined;
    }
    at = Math.min(next, range.length);
  }
  // Two zero blocks end an archive; tools pad with more, up to a record.
  while (range.length - at >= blockBytes && range.read(at, blockBytes).every((byte) => byte === 0)) at += blockBytes;
  return { files, end: at };
}

interface Header {
  readonly name: string;
  readonly type: string;
  readonly size: number;
  readonly regular: boolean;
}

function readHeader(block: Buffer): Header | undefined {
  const declared = Number.parseInt(text(block.subarray(148, 156)).trim(), 8);
  if (!Number.isInteger(declared)) return undefined;
  let sum = 8 * 0x20;
  for (let i = 0; i < blockBytes; i++) if (i < 148 || i >= 156) sum += block[i] as number;
  if (sum !== declared) return undefined;
  const size = readSize(block.subarray(124, 136));
  if (size === undefined) return undefined;
  const type = String.fromCharCode(block[156] as number);
  const prefix = block.toString('latin1', 257, 262) === 'ustar' ? text(block.subarray(345, 500)) : '';
  const name = text(block.subarray(0, 100));
  // Links and directories may declare a size that no bytes follow.
  const hasBytes = !'123456'.includes(type);
  return {
    name: prefix ? `${prefix}/${name}` : name,
    type,
    size: hasBytes ? size : 0,
    regular: type === '0' || type === '\0' || type === '7',
  };
}

/** Octal text, or base 256 when the top bit is set (GNU). */
function readSize(field: Buffer): number | undefined {
  if (((field[0] as number) & 0x80) === 0) {
    const digits = text(field).trim();
    const size = digits === '' ? 0 : Number.parseInt(digits, 8);
    return Number.isSafeInteger(size) && size >= 0 ? size : undefined;
  }
  if (field[0] !== 0x80) return undefined;
  const size = Number(field.subarray(4).readBigUInt64BE());
  return Number.isSafeInteger(size) ? size : undefined;
}

/** Records of `LENGTH KEY=VALUE\n`; stops at the first that is none. */
function paxFields(bytes: Buffer): Map<string, string> {
  const fields = new Map<string, string>();
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(0x20, at);
    const length = Number(bytes.toString('latin1', at, Math.max(at, space)));
    if (space < 0 || !Number.isInteger(length) || length < space - at + 3 || at + length > bytes.length) break;
    const record = bytes.toString('utf8', space + 1, at + length - 1);
    const equals = record.indexOf('=');
    if (equals > 0) fields.set(record.slice(0, equals), record.slice(equals + 1));
    at += length;
  }
  return fields;
}

/** Up to the first NUL. */
function text(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return bytes.toString('utf8', 0, end < 0 ? bytes.length : end);
}
