/**
 * Reads what the Go analysis needs from a 64-bit little-endian ELF file: loaded segments and, where they are left,
 * sections. Refuses nothing loudly: what is not such a file is `undefined`. A program that was opened may lack the
 * streams of its compressed sections: places are where things are in what is left.
 */
import { streamIn } from '../compressed-section.ts';

/** In bytes. */
export interface FileRange {
  readonly offset: number;
  readonly length: number;
}

export interface ElfRange extends FileRange {
  /** Section name; empty for a segment. */
  readonly name: string;
  /** SHT_ number of a section; 1 (PROGBITS) for a segment. */
  readonly type: number;
  readonly executable: boolean;
  readonly loaded: boolean;
  readonly address: number;
  /** Where a section of symbols has their names. */
  readonly strings?: FileRange;
}

export interface ElfFile {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** 62 x86-64, 183 AArch64. */
  readonly machine: number;
  readonly segments: readonly ElfRange[];
  /** Sections with bytes in the file; the segments where there is no section table. */
  readonly areas: readonly ElfRange[];
  readonly addressEnd: number;
}

/** `SHT_` numbers. */
export const sectionTypes = {
  programBits: 1,
  symbols: 2,
  strings: 3,
  relocations: 4,
  dynamic: 6,
  noBits: 8,
  dynamicSymbols: 11,
  initArray: 14,
  finiArray: 15,
} as const;

const headerBytes = 64;
const sectionBytes = 64;
const load = 1;

export function readElf(bytes: Uint8Array): ElfFile | undefined {
  if (bytes.length < headerBytes) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0) !== 0x7f454c46 || bytes[4] !== 2 || bytes[5] !== 1) return undefined;
  const segments = readSegments(view);
  if (segments === undefined || segments.length === 0) return undefined;
  const segmentsEnd = Math.max(...segments.map(({ offset, length }) => offset + length));
  const sections = readSections(view, segmentsEnd) ?? [];
  const addressEnd = Math.max(...segments.map((segment) => segment.address + segment.memory));
  if (addressEnd > 0x7fffffff) return undefined;
  return {
    bytes,
    view,
    machine: view.getUint16(18, true),
    segments,
    areas: sections.length > 0 ? sections : segments,
    addressEnd,
  };
}

/** File offset of an address, or -1. */
export function offsetOf(elf: ElfFile, address: number): number {
  for (const { address: start, offset, length } of elf.segments) {
    if (address >= start && address < start + length) return offset + address - start;
  }
  return -1;
}

/** @throws RangeError when the file has not all of them */
export function bytesIn({ bytes }: ElfFile, { offset, length }: FileRange): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset + offset, length);
}

/** The symbols of a type, of which a file has one table at most (System V ABI), when their names are there too. */
export function symbolTable({ areas }: ElfFile, type: number): { table: ElfRange; strings: FileRange } | undefined {
  const table = areas.find((area) => area.type === type);
  return table?.strings && { table, strings: table.strings };
}

interface Segment extends ElfRange {
  readonly memory: number;
}

function readSegments(view: DataView): Segment[] | undefined {
  const table = number64(view, 32);
  const entryBytes = view.getUint16(54, true);
  const count = view.getUint16(56, true);
  if (entryBytes !== 56 || table + count * entryBytes > view.byteLength) return undefined;
  const segments: Segment[] = [];
  for (let at = table; at < table + count * entryBytes; at += entryBytes) {
    if (view.getUint32(at, true) !== load) continue;
    const offset = number64(view, at + 8);
    const length = number64(view, at + 32);
    if (offset + length > view.byteLength) return undefined;
    segments.push({
      name: '',
      type: sectionTypes.programBits,
      executable: (view.getUint32(at + 4, true) & 1) !== 0,
      loaded: true,
      address: number64(view, at + 16),
      offset,
      length,
      memory: number64(view, at + 40),
    });
  }
  return segments;
}

function readSections(view: DataView, segmentsEnd: number): ElfRange[] | undefined {
  const declared = number64(view, 40);
  const entryBytes = view.getUint16(58, true);
  const count = view.getUint16(60, true);
  const namesIndex = view.getUint16(62, true);
  const tableBytes = count * sectionBytes;
  if (declared === 0 || entryBytes !== sectionBytes || namesIndex >= count) return undefined;
  // Linkers other than Go's own write the table last, where it also is when streams before it were cut out.
  const table = declared + tableBytes <= view.byteLength ? declared : view.byteLength - tableBytes;
  if (table < headerBytes) return undefined;
  const headers = Array.from({ length: count }, (_, i) => headerAt(view, table + i * sectionBytes));
  const present = headers.filter(({ type, length }) => type !== 0 && type !== sectionTypes.noBits && length > 0);
  const end = Math.max(segmentsEnd, declared + tableBytes, ...present.map(({ offset, length }) => offset + length));
  const place = end > view.byteLength ? placesWithoutStreams(present, end - view.byteLength) : identity;
  const names = headers[namesIndex];
  if (place === undefined || names === undefined) return undefined;
  const namesOffset = place(names.offset);
  const namesEnd = namesOffset + names.length;
  if (namesEnd > view.byteLength) return undefined;
  const rangeOf = ({ offset, length }: SectionHeader) => ({
    offset: place(offset),
    length: place(offset + length) - place(offset),
  });
  return present.map((header) => {
    const strings = headers[header.link];
    return {
      name: text(view, namesOffset + header.name, namesEnd),
      type: header.type,
      executable: (header.flags & 4) !== 0,
      loaded: (header.flags & 2) !== 0,
      address: header.address,
      ...rangeOf(header),
      ...(strings?.type === sectionTypes.strings && { strings: rangeOf(strings) }),
    };
  });
}

type SectionHeader = ReturnType<typeof headerAt>;

function headerAt(view: DataView, at: number) {
  return {
    name: view.getUint32(at, true),
    type: view.getUint32(at + 4, true),
    flags: number64(view, at + 8),
    address: number64(view, at + 16),
    offset: number64(view, at + 24),
    length: number64(view, at + 32),
    link: view.getUint32(at + 40, true),
  };
}

const identity = (offset: number) => offset;

/**
 * From offsets in a program to those in what is left of it without the streams of its compressed sections; undefined when
 * these are not the bytes that are missing.
 */
function placesWithoutStreams(sections: readonly SectionHeader[], missing: number) {
  const cuts = sections.flatMap(({ flags, offset, length }) => {
    const stream = streamIn(flags, length, true);
    return stream === undefined ? [] : [{ start: offset + stream.start, length: stream.length }];
  });
  if (cuts.reduce((sum, { length }) => sum + length, 0) !== missing) return undefined;
  return (offset: number) =>
    cuts.reduce((at, { start, length }) => at - Math.min(length, Math.max(0, offset - start)), offset);
}

function text(view: DataView, start: number, end: number): string {
  let result = '';
  for (let at = start; at < end; at++) {
    const byte = view.getUint8(at);
    if (byte === 0) break;
    result += String.fromCharCode(byte);
  }
  return result;
}

/** An unsigned 64-bit field; exact below 2^53, and larger than any file above. */
export function number64(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32;
}
