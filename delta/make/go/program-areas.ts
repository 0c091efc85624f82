/**
 * Says what a 64-bit little-endian program has where, for the Go analysis: loaded segments and, where they are left,
 * sections. A program that was opened may lack the
 * streams of its compressed sections: places are where things are in what is left.
 */
import { type ByteSource, memorySource } from '../../byte-source.ts';
import {
  type ElfHeader,
  type ElfSection,
  type ElfSegment,
  type FilePlace,
  loadedSegment,
  number64,
  readElfHeader,
  readSections,
  readSegments,
  readTexts,
  sectionFlags,
  sectionTypes,
} from '../../elf.ts';
import { streamIn } from '../compressed-sections.ts';

export interface ElfRange extends FilePlace {
  /** Section name; empty for a segment. */
  readonly name: string;
  /** SHT_ number of a section; 1 (PROGBITS) for a segment. */
  readonly type: number;
  readonly executable: boolean;
  readonly loaded: boolean;
  readonly address: number;
  /** Where a section of symbols has their names. */
  readonly strings?: FilePlace | undefined;
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

export function readElf(bytes: Uint8Array): ElfFile | undefined {
  const file = memorySource(bytes);
  const header = readElfHeader(file);
  if (header === undefined || !header.wide) return undefined;
  const loaded = readSegments(file, header)?.filter(({ type }) => type === loadedSegment);
  if (loaded === undefined || loaded.length === 0) return undefined;
  const segmentsEnd = Math.max(...loaded.map(({ offset, length }) => offset + length));
  const addressEnd = Math.max(...loaded.map(({ address, memoryBytes }) => address + memoryBytes));
  if (segmentsEnd > bytes.length || addressEnd > 0x7fffffff) return undefined;
  const segments = loaded.map(areaOf);
  const sections = sectionAreas(file, header, segmentsEnd) ?? [];
  return {
    bytes,
    view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength),
    machine: header.machine,
    segments,
    areas: sections.length > 0 ? sections : segments,
    addressEnd,
  };
}

function areaOf({ executable, address, offset, length }: ElfSegment): ElfRange {
  return { name: '', type: sectionTypes.programBits, executable, loaded: true, address, offset, length };
}

/** File offset of an address, or -1. */
export function fileOffsetOf(elf: ElfFile, address: number): number {
  for (const { address: start, offset, length } of elf.segments) {
    if (address >= start && address < start + length) return offset + address - start;
  }
  return -1;
}

/** @throws RangeError when the file has not all of them */
export function bytesIn({ bytes }: ElfFile, { offset, length }: FilePlace): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset + offset, length);
}

/** The symbols of a type, of which a file has one table at most (System V ABI), when their names are there too. */
export function symbolTable({ areas }: ElfFile, type: number): { table: ElfRange; strings: FilePlace } | undefined {
  const table = areas.find((area) => area.type === type);
  return table?.strings && { table, strings: table.strings };
}

/** Undefined when there are none, or they do not fit what is left of the program. */
function sectionAreas(file: ByteSource, header: ElfHeader, segmentsEnd: number): ElfRange[] | undefined {
  const { offset: declared, entryBytes, count } = header.sections;
  const tableBytes = count * entryBytes;
  // Linkers other than Go's own write the table last, where it also is when streams before it were cut out.
  const table = declared + tableBytes <= file.length ? declared : file.length - tableBytes;
  if (declared === 0 || table < header.length) return undefined;
  const sections = readSections(file, header, table);
  const names = sections?.[header.namesIndex];
  if (sections === undefined || names === undefined) return undefined;
  const present = sections.filter(({ type, length }) => type !== 0 && type !== sectionTypes.noBits && length > 0);
  const end = Math.max(segmentsEnd, declared + tableBytes, ...present.map(({ offset, length }) => offset + length));
  const place = end > file.length ? placesWithoutStreams(present, end - file.length) : identity;
  const nameAt = place && readTexts(file, { offset: place(names.offset), length: names.length });
  if (place === undefined || nameAt === undefined) return undefined;
  const rangeOf = ({ offset, length }: FilePlace) => ({
    offset: place(offset),
    length: place(offset + length) - place(offset),
  });
  return present.map((section) => {
    const strings = sections[section.link];
    return {
      name: nameAt(section.name),
      type: section.type,
      executable: (section.flags & sectionFlags.executable) !== 0,
      loaded: (section.flags & sectionFlags.loaded) !== 0,
      address: section.address,
      ...rangeOf(section),
      strings: strings?.type === sectionTypes.strings ? rangeOf(strings) : undefined,
    };
  });
}

const identity = (offset: number) => offset;

/**
 * From offsets in a program to those in what is left of it without the streams of its compressed sections; undefined
 * when these are not the bytes that are missing.
 */
function placesWithoutStreams(sections: readonly ElfSection[], missing: number) {
  const cuts = sections.flatMap(({ flags, offset, length }) => {
    const stream = streamIn(flags, length, true);
    return stream === undefined ? [] : [{ start: offset + stream.start, length: stream.length }];
  });
  if (cuts.reduce((sum, { length }) => sum + length, 0) !== missing) return undefined;
  return (offset: number) =>
    cuts.reduce((at, { start, length }) => at - Math.min(length, Math.max(0, offset - start)), offset);
}

/** Elf64_Sym: the name's place in the string table first, the value at 8. */
const symbolBytes = 24;

/** Name and address of each symbol of a type that has both, one after the other. */
export function* symbolsIn(elf: ElfFile, type: number): Generator<readonly [name: string, address: number]> {
  const symbols = symbolTable(elf, type);
  if (symbols === undefined) return;
  const { table } = symbols;
  const names = bytesIn(elf, symbols.strings);
  for (let at = table.offset; at + symbolBytes <= table.offset + table.length; at += symbolBytes) {
    const address = number64(elf.view, at + 8);
    const start = elf.view.getUint32(at, true);
    const end = names.indexOf(0, start);
    if (address !== 0 && start !== 0 && end >= 0) yield [names.toString('latin1', start, end), address];
  }
}
