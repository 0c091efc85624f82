/** Predicts where every address of the old image is in the new one. */
import { functionOfImpossibleSize, refuse } from './ports';
import { ShiftTable, shifted, shiftSince } from './shift-table';
import { createIndex, lastNotAbove, SortedIndex } from './sorted-index';

/** Start of each old function from the old text's base on, and the end of the last. */
export let oldEntries: usize = 0;
export let oldCount: u32 = 0;
/** For each new function the old one's index, or -1. */
export let matches: usize = 0;
/** Start of each new function from the new text's base on, and the end of the last. */
export let newEntries: usize = 0;
export let newCount: u32 = 0;
/** New offset of each old function. One without a match is expected behind its old neighbour. */
export let moved: usize = 0;
/** A byte for each old function, 1 when code was inserted or removed in it. */
export let edited: usize = 0;
export let oldText: i64 = 0;
export let newText: i64 = 0;
let textEnd: i64 = 0;
let functions: SortedIndex = changetype<SortedIndex>(0);
let edits: ShiftTable = changetype<ShiftTable>(0);
let others: ShiftTable = changetype<ShiftTable>(0);

/** @param entries `count + 1` ascending numbers; kept, not copied */
export function setOldFunctions(entries: usize, count: u32, text: u32): void {
  oldEntries = entries;
  oldCount = count;
  oldText = text;
  textEnd = oldText + <i64>load<u32>(entries + ((<usize>count) << 2));
  functions = createIndex(entries, count + 1);
}

/**
 * Lays out the new functions; refuses one with a length below 0, or more code than `maxCodeBytes`.
 * @param oldIndexes for each new function an old one or -1; kept, not copied
 * @param sizeChanges length of each minus that of its old one
 */
export function setNewFunctions(oldIndexes: usize, sizeChanges: usize, count: u32, text: u32, maxCodeBytes: f64): void {
  matches = oldIndexes;
  newCount = count;
  newText = text;
  newEntries = heap.alloc((<usize>count + 1) << 2);
  placeNew(sizeChanges, <i64>maxCodeBytes);
  moved = heap.alloc((<usize>oldCount) << 2);
  placeOld();
}

/**
 * @param marks the bytes of `edited`; kept, not copied
 * @param edit table over the old text with the edits of all functions
 * @param other table of addresses outside functions
 */
export function setMoves(marks: usize, edit: ShiftTable, other: ShiftTable): void {
  edited = marks;
  edits = edit;
  others = other;
}

function placeNew(sizeChanges: usize, maxCodeBytes: i64): void {
  let at: i64 = 0;
  for (let j: u32 = 0; j < newCount; j++) {
    store<u32>(newEntries + ((<usize>j) << 2), <u32>at);
    const i = matchOf(j);
    const size = <i64>load<i32>(sizeChanges + ((<usize>j) << 2)) + (i < 0 ? 0 : <i64>(entryOf(i + 1) - entryOf(i)));
    at += size;
    if (i >= <i32>oldCount || size < 0 || at > maxCodeBytes) refuse(functionOfImpossibleSize, j, <f64>size);
  }
  store<u32>(newEntries + ((<usize>newCount) << 2), <u32>at);
}

function placeOld(): void {
  const matched = heap.alloc(oldCount);
  memory.fill(matched, 0, oldCount);
  for (let j = <i32>newCount - 1; j >= 0; j--) {
    const i = matchOf(j);
    if (i < 0) continue;
    store<u8>(matched + i, 1);
    store<u32>(moved + ((<usize>i) << 2), load<u32>(newEntries + ((<usize>j) << 2)));
  }
  for (let i: u32 = 0; i < oldCount; i++) {
    if (load<u8>(matched + i) !== 0) continue;
    const at = moved + ((<usize>i) << 2);
    store<u32>(at, i === 0 ? 0 : load<u32>(at - 4) + entryOf(i) - entryOf(i - 1));
  }
  heap.free(matched);
}

export function matchOf(j: u32): i32 {
  return load<i32>(matches + ((<usize>j) << 2));
}

export function entryOf(i: u32): u32 {
  return load<u32>(oldEntries + ((<usize>i) << 2));
}

/** Whether an old function begins at `offset` of the text. */
function isFunctionStart(offset: u32): bool {
  const index = lastNotAbove(functions, offset);
  return index >= 0 && <u32>index < oldCount && entryOf(index) === offset;
}

/** What a method that the linker found unused has in place of its two entries: behind all functions, so it stays. */
const noEntry: u32 = 0xffffffff;

/**
 * Whether two words side by side are the entries of a method in the text: the offset of a type alone may look like one.
 */
export function areEntries(first: u32, second: u32): bool {
  if (first === noEntry) return isEntry(second);
  return isEntry(first) && (second === noEntry || isEntry(second));
}

/** A word of 0 is none, though a function begins there. */
function isEntry(offset: u32): bool {
  return offset !== 0 && isFunctionStart(offset);
}

/** Whether an address is inside a function, and not its start: what points at code from data points at starts. */
export function isInsideFunction(address: i64): bool {
  return address >= oldText && address < textEnd && !isFunctionStart(<u32>(address - oldText));
}

/** Any number comes back unchanged when it is no address. */
export function map(address: i64): i64 {
  if (address >= oldText && address < textEnd) return newText + <i64>mapText(<u32>(address - oldText));
  return <u64>address > 0xffffffff ? address : <i64>shifted(others, <u32>address);
}

/** An offset in the old text as one in the new text. */
export function mapText(offset: u32): u32 {
  const index = lastNotAbove(functions, offset);
  if (index < 0 || <u32>index >= oldCount) return offset;
  const entry = entryOf(index);
  const place = load<u32>(moved + ((<usize>index) << 2)) + (offset - entry);
  return load<u8>(edited + index) === 0 ? place : place + shiftSince(edits, entry, offset);
}

/** `map` for a caller without 64-bit integers. */
export function mapNumber(address: f64): f64 {
  return <f64>map(<i64>address);
}
