/** Reads ranges of the old file: neighbouring short reads cost one positioned read of a block. */
import { outsideOldFile, readOld, refuse } from './ports';

const windowBytes: u32 = 128 * 1024;
/** Longer ranges are refused: callers read them piecewise. */
export const maxLoadBytes: u32 = 4 * 1024 * 1024;

const window: usize = memory.data(128 * 1024, 16);
let oldLength: i64 = 0;
let start: i64 = 0;
let filled: u32 = 0;

export function openOldFile(length: f64): void {
  oldLength = <i64>length;
  filled = 0;
}

/** Refuses what lies outside the old file or is longer than `maxLoadBytes`. */
function check(offset: i64, length: u32): void {
  if (offset < 0 || length > maxLoadBytes || offset + length > oldLength) refuse(outsideOldFile, <f64>offset, length);
}

/** Where the old bytes from `offset` on are until the next call; at most `windowBytes`. */
export function locate(offset: i64, length: u32): usize {
  if (offset >= start && offset + length <= start + filled) return window + <usize>(offset - start);
  check(offset, length);
  if (length > windowBytes) unreachable();
  const bytes = <u32>min<i64>(windowBytes, oldLength - offset);
  filled = 0;
  readOld(window, <f64>offset, bytes);
  start = offset;
  filled = bytes;
  return window;
}

/** Copies old bytes to `to`. */
export function loadOld(to: usize, offset: i64, length: u32): void {
  if (length < windowBytes) {
    memory.copy(to, locate(offset, length), length);
    return;
  }
  check(offset, length);
  readOld(to, <f64>offset, length);
}
