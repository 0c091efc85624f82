/** Finds the compressed sections of an ELF file. Positions only; whether a stream is one is for the caller to try. */
import { streamIn } from '../compressed-section.ts';
import { elfMagic } from './elf.ts';
import type { FileRange } from './file-source.ts';

export interface CompressedSection {
  readonly name: string;
  /** Of its DEFLATE stream, in bytes from the start of the program. */
  readonly offset: number;
  readonly length: number;
}

/** In the order of their offsets; empty for what is no little-endian ELF file, or when two of them overlap. */
export function compressedSections(program: FileRange): CompressedSection[] {
  const header = program.read(0, 64);
  if (header.length < 64 || !header.subarray(0, 4).equals(elfMagic) || header[5] !== 1) return [];
  const wide = header[4] === 2;
  const word = (bytes: Buffer, at: number) => (wide ? Number(bytes.readBigUInt64LE(at)) : bytes.readUInt32LE(at));
  const size = wide ? 64 : 40;
  const [entryBytes, count, namesIndex] = [0, 2, 4].map((at) => header.readUInt16LE((wide ? 58 : 46) + at));
  const tableAt = word(header, wide ? 40 : 32);
  if (entryBytes !== size || count === undefined || namesIndex === undefined || tableAt > program.length) return [];
  const table = program.read(tableAt, size * count);
  if (table.length < size * count || namesIndex >= count) return [];
  const entries = Array.from({ length: count }, (_, i) => table.subarray(i * size, (i + 1) * size));
  const place = (entry: Buffer) => ({
    offset: word(entry, wide ? 24 : 16),
    length: word(entry, wide ? 32 : 20),
  });
  const names = place(entries[namesIndex] as Buffer);
  if (names.offset + names.length > program.length) return [];
  const strings = program.read(names.offset, names.length);
  const found = entries.flatMap((entry): CompressedSection[] => {
    const { offset, length } = place(entry);
    const nameAt = entry.readUInt32LE(0);
    const name = strings.toString('latin1', nameAt, Math.max(nameAt, strings.indexOf(0, nameAt)));
    const stream = streamIn(entry.readUInt32LE(8), length, wide);
    if (stream === undefined || offset + length > program.length) return [];
    return [{ name, offset: offset + stream.start, length: stream.length }];
  });
  found.sort((a, b) => a.offset - b.offset);
  const overlap = found.some(({ offset }, i) => i > 0 && offset < endOf(found[i - 1] as CompressedSection));
  return overlap ? [] : found;
}

function endOf({ offset, length }: CompressedSection): number {
  return offset + length;
}
