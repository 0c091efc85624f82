/** Small ELF files with sections behind their segment, as Go's linker or GNU ld lays them out. */
import { crc32 } from 'node:zlib';
import type { DeflateSettings } from '../../delta/flate/encoder.ts';
import { deflated, elf, type NamedBytes } from './containers.ts';

export interface SectionBytes extends NamedBytes {
  /** SHF_COMPRESSED. */
  readonly compressed?: boolean;
  /** `SHT_` number; 1 (PROGBITS) when it is not said. */
  readonly type?: number;
  /** Name of the section that it refers to. */
  readonly link?: string;
}

/** A section as linkers compress it: Elf64_Chdr, zlib header, stream, and a checksum that nobody here looks at. */
export function compressedSection(name: string, bytes: Uint8Array, settings: DeflateSettings): SectionBytes {
  const header = Buffer.alloc(26);
  header.writeUInt32LE(1, 0);
  header.writeBigUInt64LE(BigInt(bytes.length), 8);
  header.writeUInt16BE(0x7801, 24);
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32BE(crc32(bytes));
  return { name, bytes: Buffer.concat([header, deflated(bytes, settings), checksum]), compressed: true };
}

/** @param table where the section headers are: in the segment, as Go's linker has it, or behind all else */
export function elfWithSections(
  body: Uint8Array,
  sections: readonly SectionBytes[],
  table: 'first' | 'last' = 'first',
): Buffer {
  const names = Buffer.from(`\0${sections.map(({ name }) => `${name}\0`).join('')}.shstrtab\0`);
  const all: SectionBytes[] = [...sections, { name: '.shstrtab', bytes: names }];
  const headers = Buffer.alloc(64 * (all.length + 1));
  const program = elf(table === 'first' ? Buffer.concat([headers, body]) : body);
  let at = program.length;
  for (const [i, { name, bytes, compressed, type = 1, link }] of all.entries()) {
    const entry = headers.subarray(64 * (i + 1), 64 * (i + 2));
    entry.writeUInt32LE(names.indexOf(`\0${name}\0`) + 1, 0);
    entry.writeUInt32LE(type, 4);
    entry.writeUInt32LE(all.findIndex((other) => other.name === link) + 1, 40);
    entry.writeBigUInt64LE(compressed === true ? 0x800n : 0n, 8);
    entry.writeBigUInt64LE(BigInt(at), 24);
    entry.writeBigUInt64LE(BigInt(bytes.length), 32);
    at += bytes.length;
  }
  program.writeBigUInt64LE(BigInt(table === 'first' ? 120 : at), 40);
  program.writeUInt16LE(64, 58);
  program.writeUInt16LE(all.length + 1, 60);
  program.writeUInt16LE(all.length, 62);
  if (table === 'first') headers.copy(program, 120);
  return Buffer.concat([program, ...all.map(({ bytes }) => bytes), ...(table === 'last' ? [headers] : [])]);
}
