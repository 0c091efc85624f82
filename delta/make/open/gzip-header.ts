/** Reads gzip member headers (RFC 1952) as far as to know where the DEFLATE stream begins. */
import type { FileRange } from '../file-source.ts';

export const gzipMagic = Buffer.from([0x1f, 0x8b, 0x08]);
/** CRC and length behind the stream. */
export const gzipTrailerBytes = 8;

interface GzipHeader {
  readonly length: number;
  /** Original file name, when given. */
  readonly name: string;
}

/** The header at `offset`; undefined when there is none or it is not one that today's tools write. */
export function readGzipHeader(range: FileRange, offset: number): GzipHeader | undefined {
  const bytes = range.read(offset, 4096);
  if (bytes.length < 10 || !bytes.subarray(0, 3).equals(gzipMagic)) return undefined;
  const flags = bytes[3] as number;
  if ((flags & 0xe0) !== 0) return undefined;
  let at = 10;
  if (flags & 4) {
    if (at + 2 > bytes.length) return undefined;
    at += 2 + bytes.readUInt16LE(at);
  }
  let name = '';
  for (const flag of [8, 16]) {
    if ((flags & flag) === 0) continue;
    const end = bytes.indexOf(0, at);
    if (end < 0) return undefined;
    if (flag === 8) name = bytes.toString('latin1', at, end);
    at = end + 1;
  }
  if (flags & 2) at += 2;
  return at < bytes.length ? { length: at, name } : undefined;
}
