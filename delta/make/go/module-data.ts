/**
 * Finds `runtime.moduledata`, the record that tells where the runtime keeps its tables, also in position-independent
 * programs whose words are in relocations. Does not rely on words that moved between Go versions.
 */

import { type FilePlace, number64, sectionTypes } from '../../elf.ts';
import { type FunctionTable, noFunctionData, rowFields } from '../../go/function-table.ts';
import { type ElfFile, type ElfRange, fileOffsetOf } from './program-areas.ts';

export interface TablePlace extends FilePlace {
  readonly address: number;
}

interface Module {
  readonly text: number;
  readonly types: number;
  readonly rodata: number;
  readonly functionData: FilePlace | undefined;
}

/** Words of runtime.moduledata that have kept their place since Go 1.18; later ones are looked for by what they are. */
const moduleWords = { names: 1, text: 22, textEnd: 23, searchFrom: 32, searchTo: 48 } as const;

/** @param rows file offset that the table's row offsets count from */
export function readModule(
  elf: ElfFile,
  place: TablePlace,
  functions: FunctionTable,
  rows: number,
  rowBytes: number,
): Module | undefined {
  const relocated = relativeRelocations(elf);
  const word = (at: number, area: ElfRange): number => {
    const value = number64(elf.view, at);
    return value !== 0 ? value : (relocated.get(area.address + at - area.offset) ?? 0);
  };
  for (const area of elf.areas) {
    if (!area.loaded || area.executable || area.type !== sectionTypes.programBits) continue;
    const last = area.offset + area.length - 8 * moduleWords.searchTo;
    const skew = (8 - (area.address % 8)) % 8;
    for (let at = area.offset + skew; at <= last; at += 8) {
      if (word(at, area) !== place.address) continue;
      const words = Array.from({ length: moduleWords.searchTo }, (_, i) => word(at + 8 * i, area));
      const nameTable = words[moduleWords.names] as number;
      if (nameTable !== place.address + number64(elf.view, place.offset + 32)) continue;
      return moduleOf(elf, words, functions, rows, rowBytes);
    }
  }
  return undefined;
}

function moduleOf(
  elf: ElfFile,
  words: number[],
  functions: FunctionTable,
  rows: number,
  rowBytes: number,
): Module | undefined {
  const text = words[moduleWords.text] as number;
  const textEnd = words[moduleWords.textEnd] as number;
  if (textEnd < text + (functions.entries[functions.count] as number) - 4096) return undefined;
  const typesAt = rowBytes === 40 ? 35 : 37;
  const types = words[typesAt] as number;
  const rodata = words.slice(typesAt + 2, typesAt + 5).find((value) => value === types) ?? types;
  const data = words
    .slice(moduleWords.searchFrom)
    .find((value) => isFunctionData(elf, value, functions, rows, rowBytes));
  const length = data === undefined ? 0 : functionDataLength(elf, functions, rows, rowBytes);
  const offset = data === undefined ? -1 : fileOffsetOf(elf, data);
  const fits = offset >= 0 && length > 0 && offset + length <= elf.bytes.length;
  return { text, types, rodata, functionData: fits ? { offset, length } : undefined };
}

/** True when the pointer maps that functions name at this base look like ones: a count and a number of bits. */
function isFunctionData(elf: ElfFile, base: number, functions: FunctionTable, rows: number, rowBytes: number): boolean {
  const offset = fileOffsetOf(elf, base);
  if (offset < 0 || base === 0) return false;
  let seen = 0;
  let good = 0;
  const step = Math.max(1, Math.floor(functions.count / 500));
  for (let i = 0; i < functions.count; i += step) {
    const row = rows + (functions.rows[i] as number);
    if (elf.view.getUint8(row + rowBytes - 1) === 0) continue;
    const map = elf.view.getUint32(row + rowBytes + 4 * elf.view.getUint32(row + rowFields.pcDataCount, true), true);
    if (map === noFunctionData) continue;
    seen++;
    const at = offset + map;
    if (at + 8 > elf.bytes.length) continue;
    const maps = elf.view.getUint32(at, true);
    if (maps > 0 && maps < 4096 && elf.view.getUint32(at + 4, true) < 65536) good++;
  }
  return seen > 0 && good >= 0.95 * seen;
}

/** Bytes up to the last piece of function data, whose own length no table tells. */
function functionDataLength(elf: ElfFile, functions: FunctionTable, rows: number, rowBytes: number): number {
  let length = 0;
  for (const row of functions.rows) {
    const at = rows + row;
    const start = at + rowBytes + 4 * elf.view.getUint32(at + rowFields.pcDataCount, true);
    for (let i = 0; i < elf.view.getUint8(at + rowBytes - 1); i++) {
      const value = elf.view.getUint32(start + 4 * i, true);
      if (value !== noFunctionData && value > length) length = value;
    }
  }
  return length;
}

/** Addends of R_X86_64_RELATIVE and R_AARCH64_RELATIVE by address: the words of a position-independent program. */
export function relativeRelocations(elf: ElfFile): Map<number, number> {
  const words = new Map<number, number>();
  for (const area of elf.areas) {
    if (area.type !== sectionTypes.relocations || !area.loaded) continue;
    for (let at = area.offset; at + 24 <= area.offset + area.length; at += 24) {
      const type = elf.view.getUint32(at + 8, true);
      if (type === 8 || type === 1027) words.set(number64(elf.view, at), number64(elf.view, at + 16));
    }
  }
  return words;
}
