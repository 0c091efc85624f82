/**
 * Finds where references may be in one chunk of the old file, in one pass before anything is predicted. The set of
 * positions may be too large but misses none, so that most bytes are never looked at one by one.
 */
import { chunkBytes, oldChunk } from './buffers';

/** Which references a patch predicts: none, those of x86 code, those of 64-bit ARM code. */
export const noFamily: i32 = 0;
export const x86Family: i32 = 1;
export const arm64Family: i32 = 2;

/** What points before it is a small number. */
export const leastPointer: i64 = 0x1000;
/** CALL and JMP, four times, without the bit that differs. */
const calls: u32 = 0xe8e8e8e8;

/** What precedes a 32-bit displacement in x86 code: 1 for CALL and JMP, 2 for a RIP-relative operand, 3 for Jcc. */
export function displacementKind(byte: u8): i32 {
  if ((byte & 0xfe) === 0xe8) return 1;
  if ((byte & 0xc7) === 0x05) return 2;
  return (byte & 0xf0) === 0x80 ? 3 : 0;
}

/** A bit for each position of the chunk where a displacement, a branch or a pointer may be. */
const marksBytes: i32 = (chunkBytes >> 3) + 4;
const marks: usize = memory.data(marksBytes, 16);

/**
 * Finds the marks of the chunk at `oldChunk`.
 * @param oldStart position of the chunk in the old file
 * @param targetEnd targets lie below it
 */
export function markReferences(family: i32, length: i32, oldStart: i32, addressBase: i64, targetEnd: i64): void {
  if (family === noFamily) return;
  memory.fill(marks, 0, marksBytes);
  if (family === x86Family) markDisplacements(length, oldStart, targetEnd);
  else markBranches(length, oldStart);
  markPointers(length, oldStart, addressBase, targetEnd);
}

/** The first mark from `from` on; `end` or more when there is none before it. */
export function nextMark(from: i32, end: i32): i32 {
  let at = from;
  while (at < end) {
    const bits = load<u32>(marks + ((at >> 5) << 2)) >>> (at & 31);
    if (bits !== 0) return at + <i32>ctz(bits);
    at = (at | 31) + 1;
  }
  return at;
}

function mark(at: i32): void {
  const word = marks + ((at >> 5) << 2);
  store<u32>(word, load<u32>(word) | (1 << (at & 31)));
}

/** Marks where displacements may be: at four positions at once only whether the bytes before them may name one. */
function markDisplacements(length: i32, oldStart: i32, targetEnd: i64): void {
  const last = length - 3;
  let carried: u32 = 0;
  for (let group = 0; group + 4 <= length; group += 4) {
    const bytes = load<u32>(oldChunk + group);
    const escapes = zeroBytes(bytes ^ 0x0f0f0f0f);
    const named = zeroBytes((bytes & 0xc7c7c7c7) ^ 0x05050505) | zeroBytes((bytes & 0xfefefefe) ^ calls);
    if ((named | escapes | carried) !== 0) {
      for (let at = group + 1; at <= group + 4 && at < last; at++) {
        const kind = displacementKind(load<u8>(oldChunk + at - 1));
        if (kind === 0 || (kind === 3 && (at < 2 || load<u8>(oldChunk + at - 2) !== 0x0f))) continue;
        const target = <i64>oldStart + at + 4 + load<i32>(oldChunk + at);
        if (target >= 0 && target < targetEnd) mark(at);
      }
    }
    carried = escapes;
  }
}

function markBranches(length: i32, oldStart: i32): void {
  for (let at = -oldStart & 3; at < length - 3; at += 4) {
    if ((load<u8>(oldChunk + at + 3) & 0x7c) === 0x14) mark(at);
  }
}

function markPointers(length: i32, oldStart: i32, addressBase: i64, targetEnd: i64): void {
  for (let at = -oldStart & 7; at + 8 <= length; at += 8) {
    if (load<i32>(oldChunk + at + 4) !== 0) continue;
    const target = <i64>load<i32>(oldChunk + at) - addressBase;
    if (target > leastPointer && target < targetEnd) mark(at);
  }
}

/** Not 0 when one of the four bytes is. */
function zeroBytes(bytes: u32): u32 {
  return (bytes - 0x01010101) & ~bytes & 0x80808080;
}
