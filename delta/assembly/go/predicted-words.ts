/** Predicts tables of fixed-width values: addresses in data, type descriptors, offsets, ELF relocations and symbols. */
import { areEntries, isInsideFunction, map, mapText, oldText } from './address-map';
import { addressEnd, lowestAddress, newTypes, oldTypes } from './geometry';
import { makeRoom } from './new-file';
import { loadOld } from './old-file';
import { ShiftTable, shifted } from './shift-table';

/** A multiple of every record's length: 8 and 24 bytes. */
const pieceBytes: i64 = 48 * 1024;

/** What `writeWords` makes of a region; the numbers are those of the region kinds. */
const pointers: i32 = 2;
const types: i32 = 3;
const typeOffsets: i32 = 4;
const relocations: i32 = 8;
const symbols: i32 = 9;
const fileOffsets: i32 = 10;
const dynamicSymbols: i32 = 11;

/** @param names table of offsets into the strings that the words name; read for file offsets and symbols only */
export function writeWords(kind: i32, offset: f64, length: f64, names: ShiftTable): void {
  for (let at: i64 = 0; at < <i64>length; at += pieceBytes) {
    const bytes = <u32>min(pieceBytes, <i64>length - at);
    const words = makeRoom(bytes);
    loadOld(words, <i64>offset + at, bytes);
    rewritePiece(kind, words, bytes, names);
  }
}

function rewritePiece(kind: i32, words: usize, length: u32, names: ShiftTable): void {
  if (kind === pointers) rewritePointers(words, length, 8, 0);
  else if (kind === types) rewriteTypes(words, length);
  else if (kind === typeOffsets) rewriteTypeOffsets(words, length);
  else if (kind === relocations) rewriteRelocations(words, length);
  else if (kind === symbols || kind === dynamicSymbols) rewriteSymbols(words, length, names);
  else if (kind === fileOffsets) rewriteFileOffsets(words, length, names);
}

/** Rewrites the 8-byte words at `field` of each record that are addresses of the image. */
function rewritePointers(words: usize, length: u32, recordBytes: u32, field: u32): void {
  const end = words + (length - (length % recordBytes));
  for (let at = words; at < end; at += recordBytes) rewritePointer(at + field);
}

/** Elf64_Rela: place and addend. */
function rewriteRelocations(words: usize, length: u32): void {
  rewritePointers(words, length, 24, 0);
  rewritePointers(words, length, 24, 16);
}

/** Rewrites addresses and the 4-byte offsets of types, names and functions between them. */
function rewriteTypes(words: usize, length: u32): void {
  const end = words + (length & ~7);
  for (let at = words; at < end; at += 8) {
    // An offset with a half of 0 behind it looks like an address of the text where that begins low.
    if (!isInsideFunction(load<i64>(at)) && rewritePointer(at)) continue;
    const low = load<u32>(at);
    const high = load<u32>(at, 4);
    if (areEntries(low, high)) {
      store<u32>(at, mapText(low));
      store<u32>(at, mapText(high), 4);
    } else {
      rewriteTypeOffset(at, low);
      rewriteTypeOffset(at + 4, high);
    }
  }
}

/** Elf64_Sym: name and value. */
function rewriteSymbols(words: usize, length: u32, names: ShiftTable): void {
  rewritePointers(words, length, 24, 8);
  const end = words + (length - (length % 24));
  for (let at = words; at < end; at += 24) store<u32>(at, shifted(names, load<u32>(at)));
}

function rewriteTypeOffsets(words: usize, length: u32): void {
  const end = words + (length & ~3);
  for (let at = words; at < end; at += 4) {
    const value = load<u32>(at);
    if (value !== 0) store<u32>(at, <u32>(map(<i64>value + oldTypes) - newTypes));
  }
}

function rewriteFileOffsets(words: usize, length: u32, files: ShiftTable): void {
  const end = words + (length & ~3);
  for (let at = words; at < end; at += 4) {
    const value = load<u32>(at);
    if (value !== 0xffffffff) store<u32>(at, shifted(files, value));
  }
}

function rewritePointer(at: usize): bool {
  const value = load<u64>(at);
  if (value < <u64>lowestAddress || value >= <u64>addressEnd) return false;
  store<u32>(at, <u32>map(value));
  return true;
}

/** The offset of a type or a name; 0 is none. */
function rewriteTypeOffset(at: usize, value: u32): void {
  if (value === 0) return;
  const address = <i64>value + oldTypes;
  if (address < addressEnd && address > oldText) store<u32>(at, <u32>(map(address) - newTypes));
}
