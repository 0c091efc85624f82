/** Opens a gzip member (RFC 1952): header and trailer are framing, the DEFLATE stream between them is opened. */

import type { FileRange } from '../file-source.ts';
import { openDeflate } from './deflate.ts';
import { gzipMagic, gzipTrailerBytes, readGzipHeader } from './gzip-header.ts';
import { inflate } from './inflate.ts';
import { minContainerBytes, type Opened, type Opening, type Place } from './opening.ts';
import { glue } from './piece.ts';

export function isGzip(range: FileRange): boolean {
  return range.read(0, gzipMagic.length).equals(gzipMagic);
}

export async function openGzip(
  range: FileRange,
  { label, depth, minLength }: Place,
  opening: Opening,
): Promise<Opened | undefined> {
  const header = readGzipHeader(range, 0);
  if (header === undefined) return undefined;
  const unpacked = await inflate(range.slice(header.length), opening.spool);
  if (unpacked === 'malformed') return undefined;
  if (unpacked === 'too-large') {
    // Where it ends is not known, so it takes all there is; inside a program it is a chance hit.
    return minLength > minContainerBytes ? undefined : opening.keep(range, label, unpacked);
  }
  const end = header.length + unpacked.length;
  const length = Math.min(end + gzipTrailerBytes, range.length);
  if (length < minLength) return undefined;
  const inside = `${label}#gzip${header.name ? `(${header.name})` : ''}`;
  const pieces = await openDeflate(range.slice(header.length, end), unpacked.content, inside, depth, opening);
  return { pieces: [...glue(range.slice(0, header.length)), ...pieces, ...glue(range.slice(end, length))], length };
}
