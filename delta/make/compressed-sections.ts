/**
 * Finds the sections of a program that are compressed debug information, and where their DEFLATE streams lie: what is
 * cut out of a program when it is opened, and what one who reads the rest must know is missing. Positions only; whether
 * a stream is one is for the caller to try.
 */
import type { ByteSource } from '../byte-source.ts';
import { type FilePlace, readElfHeader, readSections, readTexts, sectionFlags } from '../elf.ts';

/** In bytes from the start of the section. */
interface SectionStream {
  readonly start: number;
  readonly length: number;
}

/** Smaller ones are left where they are. */
const minSectionBytes = 4096;
/** Around the stream by RFC 1950: two bytes before it, a checksum behind. */
const zlibBytes = { header: 2, trailer: 4 };

/**
 * The stream of a section with SHF_COMPRESSED, behind an Elf_Chdr (System V ABI); undefined for others. Whether there
 * is one, its bytes must tell.
 * @param flags `sh_flags` @param length of the section @param wide of a 64-bit ELF file
 */
export function streamIn(flags: number, length: number, wide: boolean): SectionStream | undefined {
  if ((flags & sectionFlags.compressed) === 0 || length < minSectionBytes) return undefined;
  const start = (wide ? 24 : 12) + zlibBytes.header;
  return { start, length: length - start - zlibBytes.trailer };
}

interface CompressedSection extends FilePlace {
  readonly name: string;
}

/**
 * Name of each such section and place of its stream, in the order of their offsets; empty for what is no little-endian
 * ELF file, or when two of them overlap.
 */
export function compressedSections(program: ByteSource): CompressedSection[] {
  const header = readElfHeader(program);
  const sections = header && readSections(program, header);
  const names = header && sections?.[header.namesIndex];
  const nameAt = names && readTexts(program, names);
  if (header === undefined || sections === undefined || nameAt === undefined) return [];
  const found = sections.flatMap(({ name, flags, offset, length }): CompressedSection[] => {
    const stream = streamIn(flags, length, header.wide);
    if (stream === undefined || offset + length > program.length) return [];
    return [{ name: nameAt(name), offset: offset + stream.start, length: stream.length }];
  });
  found.sort((a, b) => a.offset - b.offset);
  const overlap = found.some(({ offset }, i) => i > 0 && offset < endOf(found[i - 1]));
  return overlap ? [] : found;
}

function endOf(section: FilePlace | undefined): number {
  return section === undefined ? 0 : section.offset + section.length;
}
