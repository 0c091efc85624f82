/**
 * Reads what the Go analysis needs from a 64-bit little-endian ELF file: loaded segments and, where they are left,
 * sections. Refuses nothing loudly: what is not such a file is `undefined`.
 */

export interface ElfRange {
  /** Section name; empty for a segment. */
  readonly name: string;
  /** SHT_ number of a section; 1 (PROGBITS) for a segment. */
  readonly type: number;
  readonly executable: boolean;
  readonly loaded: boolean;
  readonly address: number;
  readonly offset: number;
  readonly length: number;
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

const headerBytes = 64;
const load = 1;
const noBits = 8;

export function readElf(bytes: Uint8Array): ElfFile | undefined {
  if (bytes.length < headerBytes) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0) !== 0x7f454c46 || bytes[4] !== 2 || bytes[5] !== 1) return undefined;
  const segments = readSegments(view);
  if (segments === undefined || segments.length === 0) return undefined;
  const sections = readSections(view) ?? [];
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
      type: 1,
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

function readSections(view: DataView): ElfRange[] | undefined {
  const table = number64(view, 40);
  const entryBytes = view.getUint16(58, true);
  const count = view.getUint16(60, true);
  const namesIndex = view.getUint16(62, true);
  if (table === 0 || entryBytes !== 64 || namesIndex >= count || table + count * 64 > view.byteLength) return undefined;
  const names = table + namesIndex * 64;
  const namesOffset = number64(view, names + 24);
  const namesEnd = namesOffset + number64(view, names + 32);
  if (namesEnd > view.byteLength) return undefined;
  const sections: ElfRange[] = [];
  for (let at = table; at < table + count * 64; at += 64) {
    const type = view.getUint32(at + 4, true);
    const offset = number64(view, at + 24);
    const length = number64(view, at + 32);
    if (type === 0 || type === noBits || length === 0) continue;
    if (offset + length > view.byteLength) return undefined;
    const flags = number64(view, at + 8);
    sections.push({
      name: text(view, namesOffset + view.getUint32(at, true), namesEnd),
      type,
      executable: (flags & 4) !== 0,
      loaded: (flags & 2) !== 0,
      address: number64(view, at + 16),
      offset,
      length,
    });
  }
  return sections;
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
