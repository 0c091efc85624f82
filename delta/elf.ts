/**
 * Reads ELF files (System V ABI, generic: "ELF Header", "Sections", "Program Header"), of 32 and 64 bits. Lazy: the
 * header first, tables when they are asked for. Nothing outside the file is read, and nothing is thrown: what is not
 * there, or is no such file, is `undefined`.
 */
import type { ByteSource } from './byte-source.ts';

/** In bytes from the start of the file. */
export interface FilePlace {
  readonly offset: number;
  readonly length: number;
}

/** `e_ident` and `e_machine`: as much as the first 20 bytes tell. */
interface ElfIdentity {
  /** Of 64 bits. */
  readonly wide: boolean;
  readonly littleEndian: boolean;
  /** 62 x86-64, 183 AArch64. */
  readonly machine: number;
}

interface ElfTable {
  readonly offset: number;
  readonly entryBytes: number;
  readonly count: number;
}

/** Of a little-endian file. */
export interface ElfHeader extends ElfIdentity {
  /** Bytes of the header itself. */
  readonly length: number;
  readonly segments: ElfTable;
  readonly sections: ElfTable;
  /** Number of the section that holds the names of sections. */
  readonly namesIndex: number;
}

/** The place is that of its bytes in the file. */
export interface ElfSegment extends FilePlace {
  /** `PT_` number. */
  readonly type: number;
  readonly executable: boolean;
  readonly address: number;
  /** Bytes that it takes when it is loaded. */
  readonly memoryBytes: number;
}

/** The place is that of its bytes in the file; one of type `noBits` has none. */
export interface ElfSection extends FilePlace {
  /** Offset of its name among the names of sections. */
  readonly name: number;
  /** `SHT_` number. */
  readonly type: number;
  /** `SHF_` bits. */
  readonly flags: number;
  readonly address: number;
  /** Number of the section that it refers to: for symbols, their names. */
  readonly link: number;
}

/** `PT_LOAD`. */
export const loadedSegment = 1;

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

/** `SHF_` bits. */
export const sectionFlags = { loaded: 2, executable: 4, compressed: 0x800 } as const;

/** Bytes that `elfIdentity` needs: up to and with `e_machine`. */
export const identityBytes = 20;

const magic = 0x7f454c46;
const executableFlag = 1;

/** Where fields are in the header and the entries of tables, and how long these are: of 64 bits and of 32. */
const wideLayout = {
  header: { length: 64, segments: 32, sections: 40, counts: 54 },
  segment: { length: 56, flags: 4, offset: 8, address: 16, fileBytes: 32, memoryBytes: 40 },
  section: { length: 64, address: 16, offset: 24, fileBytes: 32, link: 40 },
} as const;
const narrowLayout = {
  header: { length: 52, segments: 28, sections: 32, counts: 42 },
  segment: { length: 32, flags: 24, offset: 4, address: 8, fileBytes: 16, memoryBytes: 20 },
  section: { length: 40, address: 12, offset: 16, fileBytes: 20, link: 24 },
} as const;

/** @param head the first 20 bytes of the file, or more */
export function elfIdentity(head: Uint8Array): ElfIdentity | undefined {
  if (head.length < identityBytes) return undefined;
  const view = viewOf(head);
  if (view.getUint32(0) !== magic) return undefined;
  const littleEndian = head[5] === 1;
  return { wide: head[4] === 2, littleEndian, machine: view.getUint16(18, littleEndian) };
}

/** Undefined for big-endian files, too. */
export function readElfHeader(file: ByteSource): ElfHeader | undefined {
  const view = viewOf(read(file, 0, Math.min(wideLayout.header.length, file.length)));
  const identity = elfIdentity(new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
  if (identity === undefined || !identity.littleEndian) return undefined;
  const { header } = layoutOf(identity);
  if (view.byteLength < header.length) return undefined;
  const table = (at: number, entryBytes: number): ElfTable => ({
    offset: wordAt(view, at, identity.wide),
    entryBytes: view.getUint16(entryBytes, true),
    count: view.getUint16(entryBytes + 2, true),
  });
  return {
    ...identity,
    length: header.length,
    segments: table(header.segments, header.counts),
    sections: table(header.sections, header.counts + 4),
    namesIndex: view.getUint16(header.counts + 8, true),
  };
}

/** Undefined when the table is not all in the file. */
export function readSegments(file: ByteSource, header: ElfHeader): ElfSegment[] | undefined {
  const { wide, segments } = header;
  const { segment } = layoutOf(header);
  return readTable(file, segments, segment.length)?.map((view) => ({
    type: view.getUint32(0, true),
    executable: (view.getUint32(segment.flags, true) & executableFlag) !== 0,
    address: wordAt(view, segment.address, wide),
    offset: wordAt(view, segment.offset, wide),
    length: wordAt(view, segment.fileBytes, wide),
    memoryBytes: wordAt(view, segment.memoryBytes, wide),
  }));
}

/**
 * Undefined when the table is not all in the file.
 * @param offset of the table, where it is elsewhere than the header says
 */
export function readSections(
  file: ByteSource,
  header: ElfHeader,
  offset = header.sections.offset,
): ElfSection[] | undefined {
  const { wide, sections } = header;
  const { section } = layoutOf(header);
  return readTable(file, { ...sections, offset }, section.length)?.map((view) => ({
    name: view.getUint32(0, true),
    type: view.getUint32(4, true),
    flags: wordAt(view, 8, wide),
    address: wordAt(view, section.address, wide),
    offset: wordAt(view, section.offset, wide),
    length: wordAt(view, section.fileBytes, wide),
    link: view.getUint32(section.link, true),
  }));
}

/**
 * The text that begins at an offset among zero-terminated ones: names of sections or symbols. Undefined when the place
 * is not all in the file; a text that does not begin there is empty.
 */
export function readTexts(file: ByteSource, { offset, length }: FilePlace): ((start: number) => string) | undefined {
  if (offset + length > file.length) return undefined;
  const texts = Buffer.from(read(file, offset, length));
  return (start) => {
    const end = texts.indexOf(0, start);
    return texts.toString('latin1', start, end < 0 ? texts.length : end);
  };
}

/**
 * Where the file ends by its own headers: what was appended to it begins there. Undefined when it is longer than given.
 */
export function elfLength(file: ByteSource): number | undefined {
  const header = readElfHeader(file);
  const segments = header && readSegments(file, header);
  const sections = header && readSections(file, header);
  if (header === undefined || segments === undefined || sections === undefined) return undefined;
  const table = header.sections;
  const ends = [table.offset + table.entryBytes * table.count, header.length];
  for (const { offset, length } of segments) ends.push(offset + length);
  for (const { type, offset, length } of sections) if (type !== sectionTypes.noBits) ends.push(offset + length);
  const end = ends.reduce((most, each) => Math.max(most, each));
  return end <= file.length ? end : undefined;
}

function layoutOf({ wide }: Pick<ElfIdentity, 'wide'>): typeof wideLayout | typeof narrowLayout {
  return wide ? wideLayout : narrowLayout;
}

/** An entry may be longer than the fields that are known. */
function readTable(file: ByteSource, table: ElfTable, leastBytes: number): DataView[] | undefined {
  const { offset, entryBytes, count } = table;
  if (count === 0) return [];
  if (entryBytes < leastBytes || offset < 0 || offset + entryBytes * count > file.length) return undefined;
  const view = viewOf(read(file, offset, entryBytes * count));
  return Array.from(
    { length: count },
    (_, i) => new DataView(view.buffer, view.byteOffset + i * entryBytes, entryBytes),
  );
}

function read(file: ByteSource, offset: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  file.readInto(bytes, offset);
  return bytes;
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

function wordAt(view: DataView, at: number, wide: boolean): number {
  return wide ? number64(view, at) : view.getUint32(at, true);
}

/** An unsigned 64-bit field; exact below 2^53, and larger than any file above. */
export function number64(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32;
}
