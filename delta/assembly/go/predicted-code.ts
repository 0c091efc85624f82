/** Predicts code: the Go functions in their new order, and code around them in its old place. */
import { edited, entryOf, matchOf, moved, newCount, newEntries, newText, oldCount, oldText } from './address-map';
import { walkAmd64 } from './amd64-code';
import { walkArm64 } from './arm64-code';
import { setListedRange, setMovingRange, setRigidRange, takeNoted } from './code-range';
import { copyOld, makeRoom } from './new-file';
import { loadOld, maxLoadBytes } from './old-file';

/** Other code is rewritten in pieces of this size; a reference across their border stays as it was. */
const codePieceBytes: i64 = 1024 * 1024;
/** Old neighbours that stay neighbours are read and written together up to this. */
const runBytes: u32 = 64 * 1024;

const amd64: u32 = 0;

/** The matched functions in the new order, then the old ones that no new function came from. */
export function writeFunctions(architecture: u32, textOffset: f64): void {
  const used = heap.alloc(oldCount);
  memory.fill(used, 0, oldCount);
  for (let j: u32 = 0; j < newCount; ) {
    const index = matchOf(j);
    const count = index < 0 ? 1 : runLength(j, index);
    if (index >= 0) {
      memory.fill(used + index, 1, count);
      writeRun(architecture, <i64>textOffset, index, count, newEntries + ((<usize>j) << 2));
    }
    j += count;
  }
  for (let index: u32 = 0; index < oldCount; index++) {
    if (load<u8>(used + index) !== 0) continue;
    writeRun(architecture, <i64>textOffset, index, 1, moved + ((<usize>index) << 2));
  }
  heap.free(used);
}

/** Functions from the new one `j` on that were neighbours as well and fit one run. */
function runLength(j: u32, first: u32): u32 {
  let count: u32 = 1;
  while (
    j + count < newCount &&
    <u32>matchOf(j + count) === first + count &&
    entryOf(first + count + 1) - entryOf(first) <= runBytes
  ) {
    count++;
  }
  return count;
}

/** Old functions one behind the other, whose new places are at `places`. */
function writeRun(architecture: u32, textOffset: i64, first: u32, count: u32, places: usize): void {
  const entry = entryOf(first);
  const length = entryOf(first + count) - entry;
  const offset = textOffset + <i64>(entry - entryOf(0));
  if (length > maxLoadBytes) {
    copyOld(<f64>offset, length);
    return;
  }
  const code = makeRoom(length);
  loadOld(code, offset, length);
  const address = oldText + <i64>entry;
  let start = code;
  for (let i: u32 = 0; i < count; i++) {
    const end = code + (entryOf(first + i + 1) - entry);
    setMovingRange(code, address);
    if (load<u8>(edited + first + i) === 0) {
      setRigidRange(start, end, newText + <i64>load<u32>(places + ((<usize>i) << 2)));
    }
    walk(architecture, start, end);
    start = end;
  }
}

/** Code in its old place whose first byte lies at `address`. */
export function writeOtherCode(architecture: u32, offset: f64, length: f64, address: f64): void {
  for (let at: i64 = 0; at < <i64>length; at += codePieceBytes) {
    const bytes = <u32>min(codePieceBytes, <i64>length - at);
    const code = makeRoom(bytes);
    loadOld(code, <i64>offset + at, bytes);
    setMovingRange(code, <i64>address + at);
    walk(architecture, code, code + bytes);
  }
}

function walk(architecture: u32, start: usize, end: usize): void {
  if (architecture === amd64) walkAmd64(start, end);
  else walkArm64(start, end);
}

/** Lists the references of `length` bytes of code that lie at `address`; those to their inside only when asked. */
export function listReferences(architecture: u32, code: usize, length: u32, address: f64, inside: bool): void {
  setListedRange(code, code + length, <i64>address, inside);
  walk(architecture, code, code + length);
  takeNoted();
}
