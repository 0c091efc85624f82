/** Finds the bytes of a small part inside an old part, as when a file was moved out of its surroundings. */
import type { RangePart } from '../directory.ts';
import type { FileRange } from './file-source.ts';
import type { OpenedPart } from './open/parts.ts';

const needleBytes = 64;
const windowBytes = 4 * 1024 * 1024;

/** @returns the offset in `old` from which all bytes of `part` follow, if any */
function findRange(part: FileRange, old: FileRange): number | undefined {
  if (part.length < needleBytes || part.length > old.length) return undefined;
  const bytes = part.read(0, part.length);
  const needle = bytes.subarray(0, needleBytes);
  if (needle.every((byte) => byte === needle[0])) return undefined;
  for (let start = 0; start + part.length <= old.length; start += windowBytes) {
    const window = old.read(start, windowBytes + needleBytes - 1);
    for (let at = window.indexOf(needle); at >= 0 && at < windowBytes; at = window.indexOf(needle, at + 1)) {
      if (start + at + part.length <= old.length && old.read(start + at, part.length).equals(bytes)) return start + at;
    }
  }
  return undefined;
}

/** Parts that have no namesake and are searched for inside old parts: how many, and of what length at most. */
const maxSearched = 64;
const maxSearchedBytes = 4 * 1024 * 1024;
/** Bytes of old parts that are read for it, all searches together. */
const maxReadBytes = 4 * 1024 ** 3;

/** Looks for parts inside the old ones, as long as that costs little. */
export class RangeSearch {
  readonly #olds: readonly OpenedPart[];
  readonly #oldBytes: number;
  #searched = 0;
  #readBytes = 0;

  constructor(olds: readonly OpenedPart[]) {
    this.#olds = olds;
    this.#oldBytes = olds.reduce((sum, { length }) => sum + length, 0);
  }

  find(part: OpenedPart): RangePart | undefined {
    if (part.length > maxSearchedBytes || this.#searched >= maxSearched) return undefined;
    if (this.#readBytes + this.#oldBytes > maxReadBytes) return undefined;
    this.#searched++;
    this.#readBytes += this.#oldBytes;
    for (const { index, range } of this.#olds) {
      const offset = findRange(part.range, range);
      if (offset === undefined) continue;
      return { method: 'range', oldPart: index, offset, length: part.length, sha256: part.sha256 };
    }
    return undefined;
  }
}
