/**
 * A Go program as the analysis sees it: its function table with names, and where the runtime keeps its tables. Reads
 * pclntab from Go 1.18 on (runtime/symtab.go, `pcHeader`) and `runtime.moduledata`. Answers why something is no such
 * program instead of throwing.
 */
import { memorySource } from '../../../contract/byte-source.ts';
import {
  type FunctionTable,
  noFunctionData,
  readFunctionTable,
  rowFields,
} from '../../../contract/delta/go/function-table.ts';
import { SlipwayError } from '../../../contract/errors.ts';
import { type ElfFile, type ElfRange, number64, offsetOf, readElf } from './elf.ts';

export interface GoImage {
  readonly elf: ElfFile;
  /** 0 amd64, 1 arm64, as the side tables write it. */
  readonly architecture: number;
  readonly rowBytes: number;
  readonly functions: FunctionTable;
  /** Names by function, as bytes in latin1: unique enough to match, cheap to make. */
  readonly names: readonly string[];
  /** Address that function offsets count from, and the file offset of the first function. */
  readonly text: number;
  readonly textOffset: number;
  /** File ranges of pclntab's parts. */
  readonly nameTable: FileRange;
  readonly unitTable: FileRange;
  readonly fileTable: FileRange;
  readonly pcTable: FileRange;
  readonly functionTable: FileRange;
  /** Function data, when it was found. */
  readonly functionData: FileRange | undefined;
  readonly types: number;
  readonly rodata: number;
}

export interface FileRange {
  readonly offset: number;
  readonly length: number;
}

export interface NotGo {
  readonly notGo: string;
}

const magics = new Map([
  [0xfffffff0, 40],
  [0xfffffff1, 44],
]);
const headerBytes = 72;
const machines = new Map([
  [62, { architecture: 0, quantum: 1 }],
  [183, { architecture: 1, quantum: 4 }],
]);

export function readGoImage(bytes: Uint8Array): GoImage | NotGo {
  const elf = readElf(bytes);
  if (elf === undefined) return { notGo: 'not a 64-bit little-endian ELF file' };
  const machine = machines.get(elf.machine);
  if (machine === undefined) return { notGo: `machine ${elf.machine}, expected x86-64 or AArch64` };
  const table = findTable(elf, machine.quantum);
  if (table === undefined) return { notGo: 'no pclntab of Go 1.18 or later' };
  return readTable(elf, table, machine.architecture);
}

interface TablePlace extends FileRange {
  readonly address: number;
}

/** pclntab by its section, or by its magic number anywhere in loaded read-only or relocated data. */
function findTable(elf: ElfFile, quantum: number): TablePlace | undefined {
  const named = elf.areas.find((area) => area.name.endsWith('.gopclntab'));
  if (named !== undefined) return isTable(elf, named, quantum) ? named : undefined;
  for (const area of elf.areas) {
    if (!area.loaded || area.executable) continue;
    for (let at = (area.offset + 7) & ~7; at + headerBytes <= area.offset + area.length; at += 8) {
      const place = { offset: at, length: area.offset + area.length - at, address: area.address + at - area.offset };
      if (isTable(elf, place, quantum)) return place;
    }
  }
  return undefined;
}

function isTable(elf: ElfFile, place: TablePlace, quantum: number): boolean {
  const { view } = elf;
  if (place.length < headerBytes || !magics.has(view.getUint32(place.offset, true))) return false;
  const { offset } = place;
  if (view.getUint16(offset + 4) !== 0 || view.getUint8(offset + 6) !== quantum || view.getUint8(offset + 7) !== 8) {
    return false;
  }
  let before = headerBytes;
  for (let field = 32; field <= 64; field += 8) {
    const part = number64(view, offset + field);
    if (part < before || part > place.length) return false;
    before = part;
  }
  return true;
}

function readTable(elf: ElfFile, place: TablePlace, architecture: number): GoImage | NotGo {
  const { view } = elf;
  const part = (field: number) => number64(view, place.offset + field);
  const range = (from: number, to: number) => ({ offset: place.offset + from, length: to - from });
  const count = part(8);
  const rowBytes = magics.get(view.getUint32(place.offset, true)) as number;
  const start = part(64);
  let functions: FunctionTable;
  try {
    functions = readFunctionTable(memorySource(elf.bytes), place.offset + start, place.length - start, count);
  } catch (error) {
    if (error instanceof SlipwayError) return { notGo: error.message };
    throw error;
  }
  const nameTable = range(part(32), part(40));
  const end = rowsEnd(elf, functions, range(start, place.length), rowBytes);
  const names = end < 0 ? undefined : readNames(elf, functions, place.offset + start, nameTable);
  if (names === undefined) return { notGo: 'a function row outside pclntab' };
  const module = readModule(elf, place, functions, place.offset + start, rowBytes);
  const text = module?.text ?? part(24);
  const textOffset = offsetOf(elf, text + (functions.entries[0] as number));
  const codeLength = (functions.entries[count] as number) - (functions.entries[0] as number);
  if (module === undefined || textOffset < 0 || textOffset + codeLength > elf.bytes.length) {
    return { notGo: 'no moduledata that agrees with pclntab' };
  }
  return {
    elf,
    architecture,
    rowBytes,
    functions,
    names,
    text,
    textOffset,
    nameTable,
    unitTable: range(part(40), part(48)),
    fileTable: range(part(48), part(56)),
    pcTable: range(part(56), start),
    functionTable: { offset: place.offset + start, length: end },
    functionData: module.functionData,
    types: module.types,
    rodata: module.rodata,
  };
}

/** End of the last row, or -1 when rows do not follow the functions' order inside the table. */
function rowsEnd(elf: ElfFile, functions: FunctionTable, table: FileRange, rowBytes: number): number {
  let end = 8 * functions.count + 4;
  for (const row of functions.rows) {
    const at = table.offset + row;
    if (row < end || row + rowBytes > table.length) return -1;
    const arrays = elf.view.getUint32(at + rowFields.pcDataCount, true) + elf.view.getUint8(at + rowBytes - 1);
    end = row + rowBytes + 4 * arrays;
    if (arrays > 510 || end > table.length) return -1;
  }
  return end;
}

function readNames(elf: ElfFile, functions: FunctionTable, table: number, names: FileRange): string[] | undefined {
  const result: string[] = [];
  for (const row of functions.rows) {
    const start = elf.view.getUint32(table + row + rowFields.name, true);
    if (start >= names.length) return undefined;
    const end = elf.bytes.indexOf(0, names.offset + start);
    result.push(
      Buffer.from(elf.bytes.buffer, elf.bytes.byteOffset + names.offset + start, end - names.offset - start).toString(
        'latin1',
      ),
    );
  }
  return result;
}

interface Module {
  readonly text: number;
  readonly types: number;
  readonly rodata: number;
  readonly functionData: FileRange | undefined;
}

/** Words of runtime.moduledata that have kept their place since Go 1.18; later ones are looked for by what they are. */
const moduleWords = { names: 1, text: 22, textEnd: 23, searchFrom: 32, searchTo: 48 } as const;

function readModule(
  elf: ElfFile,
  place: TablePlace,
  functions: FunctionTable,
  rows: number,
  rowBytes: number,
): Module | undefined {
  const relocated = relocatedWords(elf);
  const word = (at: number, area: ElfRange): number => {
    const value = number64(elf.view, at);
    return value !== 0 ? value : (relocated.get(area.address + at - area.offset) ?? 0);
  };
  for (const area of elf.areas) {
    if (!area.loaded || area.executable || area.type !== 1) continue;
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
  const offset = data === undefined ? -1 : offsetOf(elf, data);
  const fits = offset >= 0 && length > 0 && offset + length <= elf.bytes.length;
  return { text, types, rodata, functionData: fits ? { offset, length } : undefined };
}

/** True when the pointer maps that functions name at this base look like ones: a count and a number of bits. */
function isFunctionData(elf: ElfFile, base: number, functions: FunctionTable, rows: number, rowBytes: number): boolean {
  const offset = offsetOf(elf, base);
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
function relocatedWords(elf: ElfFile): Map<number, number> {
  const words = new Map<number, number>();
  for (const area of elf.areas) {
    if (area.type !== 4 || !area.loaded) continue;
    for (let at = area.offset; at + 24 <= area.offset + area.length; at += 24) {
      const type = elf.view.getUint32(at + 8, true);
      if (type === 8 || type === 1027) words.set(number64(elf.view, at), number64(elf.view, at + 16));
    }
  }
  return words;
}

export function lengthOf(image: GoImage, index: number): number {
  return (image.functions.entries[index + 1] as number) - (image.functions.entries[index] as number);
}

export function codeOf(image: GoImage, index: number): Uint8Array {
  const start = image.textOffset + (image.functions.entries[index] as number) - (image.functions.entries[0] as number);
  return image.elf.bytes.subarray(start, start + lengthOf(image, index));
}

export function rowOf(image: GoImage, index: number) {
  const at = image.functionTable.offset + (image.functions.rows[index] as number);
  const { view } = image.elf;
  const pcData = view.getUint32(at + rowFields.pcDataCount, true);
  const functionData = view.getUint8(at + image.rowBytes - 1);
  const arrays = at + image.rowBytes;
  return {
    pcData,
    functionData,
    field: (field: number) => view.getUint32(at + field, true),
    pcDataAt: (k: number) => view.getUint32(arrays + 4 * k, true),
    functionDataAt: (k: number) => view.getUint32(arrays + 4 * (pcData + k), true),
  };
}
