/** Predicts `functab` and the `_func` rows in the new order, and finds the function data that old rows point at. */
import { matchOf, newCount, newEntries, oldCount } from './address-map';
import { rowBytes } from './geometry';
import { makeRoom } from './new-file';
import { locate } from './old-file';
import { refuse, rowOfImpossibleSize, rowOutsideTable } from './ports';
import { ShiftTable, shifted } from './shift-table';

/** Offsets in a `_func` row. The last byte before the arrays is the count of function data entries. */
const entryField: usize = 0;
const nameField: usize = 4;
const pcSpField: usize = 16;
const pcFileField: usize = 20;
const pcLineField: usize = 24;
const pcDataCountField: usize = 28;
const unitField: usize = 32;
/** An entry of the array of function data that stands for none. */
const noFunctionData: u32 = 0xffffffff;
const maxArray: i64 = 255;
const maxRowBytes: i64 = 44 + 8 * 255 + 8;
const pairsAtOnce: u32 = 4096;

/** Offsets of the old rows from the table's first byte. */
let rows: usize = 0;
/** The table with its rows in the old file. */
let tableOffset: i64 = 0;
let tableBytes: i64 = 0;

/** @param offsets 32-bit numbers, one for each old function; kept, not copied */
export function setRows(offsets: usize, offset: f64, length: f64): void {
  rows = offsets;
  tableOffset = <i64>offset;
  tableBytes = <i64>length;
}

/** Where an old row with its arrays is until the next call; refuses one that does not fit the table. */
export function locateRow(index: u32): usize {
  const offset: i64 = load<u32>(rows + ((<usize>index) << 2));
  const left = tableBytes - offset;
  if (left >= <i64>rowBytes) {
    const row = locate(tableOffset + offset, <u32>min(left, maxRowBytes));
    const pcData = pcDataCount(row);
    if (<i64>pcData <= maxArray && <i64>(rowBytes + 4 * (pcData + functionDataCount(row))) <= left) return row;
  }
  refuse(rowOutsideTable, index, 0);
  return 0;
}

export function pcDataCount(row: usize): u32 {
  return load<u32>(row + pcDataCountField);
}

export function functionDataCount(row: usize): u32 {
  return load<u8>(row + rowBytes - 1);
}

/**
 * Writes the table and the rows of the new functions.
 * @param pcDataChanges for each the entries of its pc-value array minus those of the old row
 * @param functionDataChanges the same for the array of function data
 */
export function writeRows(
  pcDataChanges: usize,
  functionDataChanges: usize,
  names: ShiftTable,
  pcTables: ShiftTable,
  functionData: ShiftTable,
  units: ShiftTable,
): void {
  const counts = heap.alloc((<usize>newCount) << 1);
  for (let j: u32 = 0; j < newCount; j++) measure(j, counts, pcDataChanges, functionDataChanges);
  writeTable(counts);
  for (let j: u32 = 0; j < newCount; j++) writeRow(j, counts + ((<usize>j) << 1), names, pcTables, functionData, units);
  heap.free(counts);
}

/** Notes the lengths of the two arrays of a new row, a byte each. */
function measure(j: u32, counts: usize, pcDataChanges: usize, functionDataChanges: usize): void {
  const index = matchOf(j);
  let pcCount: i64 = load<i32>(pcDataChanges + ((<usize>j) << 2));
  let dataCount: i64 = load<i32>(functionDataChanges + ((<usize>j) << 2));
  if (index >= 0) {
    const row = locateRow(index);
    pcCount += pcDataCount(row);
    dataCount += functionDataCount(row);
  }
  if (pcCount < 0 || pcCount > maxArray || dataCount < 0 || dataCount > maxArray) {
    refuse(rowOfImpossibleSize, <f64>pcCount, <f64>dataCount);
  }
  store<u8>(counts + ((<usize>j) << 1), <u8>pcCount);
  store<u8>(counts + ((<usize>j) << 1), <u8>dataCount, 1);
}

/** Without the padding that the next row needs. */
function rowLength(counts: usize): u32 {
  return rowBytes + 4 * (<u32>load<u8>(counts) + <u32>load<u8>(counts, 1));
}

function writeTable(counts: usize): void {
  const padded = aligned(8 * newCount + 4);
  let row = padded;
  for (let from: u32 = 0; from < newCount; from += pairsAtOnce) {
    row = writePairs(from, min(newCount, from + pairsAtOnce), counts, row);
  }
  const end = makeRoom(padded - 8 * newCount);
  memory.fill(end, 0, padded - 8 * newCount);
  store<u32>(end, load<u32>(newEntries + ((<usize>newCount) << 2)));
}

/** @returns where the row behind theirs begins */
function writePairs(from: u32, to: u32, counts: usize, firstRow: u32): u32 {
  let row = firstRow;
  let at = makeRoom((to - from) << 3);
  for (let j = from; j < to; j++) {
    store<u32>(at, load<u32>(newEntries + ((<usize>j) << 2)));
    store<u32>(at, row, 4);
    at += 8;
    row += aligned(rowLength(counts + ((<usize>j) << 1)));
  }
  return row;
}

function writeRow(
  j: u32,
  counts: usize,
  names: ShiftTable,
  pcTables: ShiftTable,
  functionData: ShiftTable,
  units: ShiftTable,
): void {
  const length = rowLength(counts);
  const padded = j < newCount - 1 ? aligned(length) : length;
  const row = makeRoom(padded);
  const pcCount: u32 = load<u8>(counts);
  const dataCount: u32 = load<u8>(counts, 1);
  memory.fill(row, 0, padded);
  const index = matchOf(j);
  if (index >= 0) {
    const old = locateRow(index);
    memory.copy(row, old, rowBytes);
    store<u32>(row + nameField, shifted(names, load<u32>(old + nameField)));
    store<u32>(row + unitField, shifted(units, load<u32>(old + unitField)));
    writePcTable(row + pcSpField, old + pcSpField, pcTables);
    writePcTable(row + pcFileField, old + pcFileField, pcTables);
    writePcTable(row + pcLineField, old + pcLineField, pcTables);
    const arrays = row + rowBytes;
    const oldArrays = old + rowBytes;
    const pcTableEnd = min(pcCount, pcDataCount(old)) << 2;
    for (let at: u32 = 0; at < pcTableEnd; at += 4) writePcTable(arrays + at, oldArrays + at, pcTables);
    const oldData = oldArrays + (pcDataCount(old) << 2);
    const oldDataCount = functionDataCount(old);
    for (let i: u32 = 0; i < dataCount; i++) {
      const value = i < oldDataCount ? load<u32>(oldData + (i << 2)) : noFunctionData;
      store<u32>(arrays + ((pcCount + i) << 2), value === noFunctionData ? value : shifted(functionData, value));
    }
  }
  store<u32>(row + entryField, load<u32>(newEntries + ((<usize>j) << 2)));
  store<u32>(row + pcDataCountField, pcCount);
  store<u8>(row + rowBytes - 1, <u8>dataCount);
}

/** An offset into the pc-value tables; 0 stands for none. */
function writePcTable(to: usize, from: usize, pcTables: ShiftTable): void {
  const value = load<u32>(from);
  store<u32>(to, value === 0 ? 0 : shifted(pcTables, value));
}

/** Rows begin at multiples of 8. */
function aligned(value: u32): u32 {
  return (value + 7) & ~7;
}

/** Kinds above are no pieces, nor is what lies behind this number of bytes: with its kind it does not fit 32 bits. */
const maxKinds: u32 = 8;
const maxFunctionDataBytes: u32 = 1 << 29;

/** `offset * 8 + kind` of the function data that old rows point at, as they come: 32-bit numbers on the heap. */
export let places: usize = 0;
export let placeCount: u32 = 0;

/** Finds `places`. */
export function collectFunctionData(): void {
  placeCount = 0;
  for (let i: u32 = 0; i < oldCount; i++) placeCount += placesOf(i, 0);
  places = heap.alloc((<usize>placeCount) << 2);
  let to = places;
  for (let i: u32 = 0; i < oldCount; i++) to += (<usize>placesOf(i, to)) << 2;
}

/** Counts the places of one old row, and puts them to `to` unless it is 0. */
function placesOf(index: u32, to: usize): u32 {
  const row = locateRow(index);
  const array = row + rowBytes + (pcDataCount(row) << 2);
  const kinds = min(functionDataCount(row), maxKinds);
  let count: u32 = 0;
  for (let kind: u32 = 0; kind < kinds; kind++) {
    const offset = load<u32>(array + (kind << 2));
    if (offset >= maxFunctionDataBytes) continue;
    if (to !== 0) store<u32>(to + ((<usize>count) << 2), offset * 8 + kind);
    count++;
  }
  return count;
}
