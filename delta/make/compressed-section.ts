/**
 * Which sections of a program are compressed debug information, and where their DEFLATE streams lie: what is cut out of
 * a program when it is opened, and what one who reads the rest must know is missing.
 */

/** In bytes from the start of the section. */
export interface SectionStream {
  readonly start: number;
  readonly length: number;
}

const compressedFlag = 0x800;
/** Smaller ones are left where they are. */
const minSectionBytes = 4096;
/** Around the stream by RFC 1950: two bytes before it, a checksum behind. */
const zlibBytes = { header: 2, trailer: 4 };

/**
 * The stream of a section with SHF_COMPRESSED, behind an Elf_Chdr (System V ABI); undefined for others. Whether there is
 * one, its bytes must tell.
 * @param flags `sh_flags` @param length of the section @param wide of a 64-bit ELF file
 */
export function streamIn(flags: number, length: number, wide: boolean): SectionStream | undefined {
  if ((flags & compressedFlag) === 0 || length < minSectionBytes) return undefined;
  const start = (wide ? 24 : 12) + zlibBytes.header;
  return { start, length: length - start - zlibBytes.trailer };
}
