/** Finds where compressed containers may begin by their first bytes; chance hits are for the caller to sort out. */
import type { FileRange } from '../file-source.ts';
import { gzipMagic } from './gzip-header.ts';
import { zstdMagic } from './zstd-frame.ts';

const windowBytes = 1024 * 1024;

/** Offset of the first magic number of zstd or gzip at or behind `start`. */
export function nextMagic(range: FileRange, start: number): number | undefined {
  for (let at = start; at < range.length; at += windowBytes) {
    // Windows overlap by less than a magic, so that none is cut in two.
    const window = range.read(at, windowBytes + zstdMagic.length - 1);
    const hits = [zstdMagic, gzipMagic].map((magic) => window.indexOf(magic)).filter((hit) => hit >= 0);
    if (hits.length > 0) return at + Math.min(...hits);
  }
  return undefined;
}
