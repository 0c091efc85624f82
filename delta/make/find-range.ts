/** Whether the bytes of a small part lie somewhere inside an old part, as when a file was moved out of its surroundings. */
import type { FileRange } from './open/file-source.ts';

const needleBytes = 64;
const windowBytes = 4 * 1024 * 1024;

/** @returns the offset in `old` from which all bytes of `part` follow, if any */
export function findRange(part: FileRange, old: FileRange): number | undefined {
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
