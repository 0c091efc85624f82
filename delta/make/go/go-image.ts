/**
 * Reads a Go program as the analysis sees it: its function table with names, and where the runtime keeps its tables. It
 * reads pclntab from Go 1.18 on (runtime/symtab.go, `pcHeader`) and `runtime.moduledata`. It answers why something is
 * no such program instead of throwing.
 */

import { SlipwayError } from '../../../contract/errors.ts';
import { memorySource } from '../../byte-source.ts';
import { type FilePlace, number64 } from '../../elf.ts';
import { type Architecture, architectures } from '../../go/code-references.ts';
import { type FunctionTable, readFunctionTable, rowFields } from '../../go/function-table.ts';
import { readModule, type TablePlace } from './module-data.ts';
import { bytesIn, type ElfFile, fileOffsetOf, readElf } from './program-areas.ts';

export interface GoImage {
  readonly elf: ElfFile;
  readonly architecture: Architecture;
  readonly rowBytes: number;
  readonly functions: FunctionTable;
  /** Names by function, as bytes in latin1: unique enough to match, cheap to make. */
  readonly names: readonly string[];
  /** Address that function offsets count from, and the file offset of the first function. */
  readonly text: number;
  readonly textOffset: number;
  /** File offset of pclntab. */
  readonly header: number;
  /** File ranges of pclntab's parts. */
  readonly nameTable: FilePlace;
  readonly unitTable: FilePlace;
  readonly fileTable: FilePlace;
  readonly pcTable: FilePlace;
  readonly functionTable: FilePlace;
  /** Function data, when it was found. */
  readonly functionData: FilePlace | undefined;
  readonly types: number;
  readonly rodata: number;
}

export interface NotGo {
  readonly notGo: string;
}

const magics = new Map([
  [0xfffffff0, 40],
  [0xfffffff1, 44],
]);
const headerBytes = 72;
/** By the number in the ELF header: the instruction set, and what pclntab counts code in (`pcHeader.minLC`). */
const machines = new Map([
  [62, { architecture: architectures.amd64, quantum: 1 }],
  [183, { architecture: architectures.arm64, quantum: 4 }],
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

function readTable(elf: ElfFile, place: TablePlace, architecture: Architecture): GoImage | NotGo {
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
  const textOffset = fileOffsetOf(elf, text + (functions.entries[0] as number));
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
    header: place.offset,
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
function rowsEnd(elf: ElfFile, functions: FunctionTable, table: FilePlace, rowBytes: number): number {
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

function readNames(elf: ElfFile, functions: FunctionTable, table: number, names: FilePlace): string[] | undefined {
  const result: string[] = [];
  for (const row of functions.rows) {
    const start = elf.view.getUint32(table + row + rowFields.name, true);
    if (start >= names.length) return undefined;
    const offset = names.offset + start;
    const end = elf.bytes.indexOf(0, offset);
    result.push(bytesIn(elf, { offset, length: end - offset }).toString('latin1'));
  }
  return result;
}

export function lengthOf(image: GoImage, index: number): number {
  return (image.functions.entries[index + 1] as number) - (image.functions.entries[index] as number);
}

export function machineCodeOf(image: GoImage, index: number): Uint8Array {
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
