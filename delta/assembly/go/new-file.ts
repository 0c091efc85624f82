/** Gathers what is made for few long writes, and refuses to make more than was promised. */
import { loadOld } from './old-file';
import { aboveLimit, refuse, writeNew } from './ports';

const gatheredBytes: u32 = 256 * 1024;
const copyBytes: i64 = 128 * 1024;
const gathered: usize = memory.data(256 * 1024, 16);
let filled: u32 = 0;
/** What is too long to be gathered is made here, grown on demand. */
let large: usize = 0;
let largeBytes: u32 = 0;
let largeFilled: u32 = 0;
let left: i64 = 0;

/** @param limit bytes that may be made in all */
export function openNewFile(limit: f64): void {
  left = <i64>limit;
  filled = largeFilled = 0;
  large = 0;
  largeBytes = 0;
}

/** Where the next `length` bytes have to be put before the next call. */
export function makeRoom(length: u32): usize {
  left -= length;
  if (left < 0) refuse(aboveLimit, 0, 0);
  if (filled + length > gatheredBytes || largeFilled > 0) flush();
  if (length <= gatheredBytes) {
    const at = gathered + filled;
    filled += length;
    return at;
  }
  if (length > largeBytes) {
    largeBytes = 1 << (32 - <u32>clz(length - 1));
    large = heap.alloc(largeBytes);
  }
  largeFilled = length;
  return large;
}

/** Passes on what is made; to be called at the end. */
export function flush(): void {
  const length = filled;
  const largeLength = largeFilled;
  filled = largeFilled = 0;
  if (length > 0) writeNew(gathered, length);
  if (largeLength > 0) writeNew(large, largeLength);
}

/** Copies a range of the old file, none when it is empty. */
export function copyOld(offset: f64, length: f64): void {
  let at = <i64>offset;
  const end = at + <i64>length;
  while (at < end) {
    const bytes = <u32>min<i64>(copyBytes, end - at);
    loadOld(makeRoom(bytes), at, bytes);
    at += bytes;
  }
}
