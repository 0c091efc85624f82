/** Tells where an ELF file ends by its own headers, so that what was appended to it can be found. */
import type { FileRange } from './file-source.ts';

export const elfMagic = Buffer.from([0x7f, 0x45, 0x4c, 0x46]);

/**
 * Length of the ELF at the start of the range, by its section headers and segments; undefined when it is no
 * little-endian ELF or says that it is longer than the range.
 */
export function elfLength(range: FileRange): number | undefined {
  const header = range.read(0, 64);
  if (header.length < 52 || !header.subarray(0, 4).equals(elfMagic) || header[5] !== 1) return undefined;
  const wide = header[4] === 2;
  if (wide && header.length < 64) return undefined;
  const word = (bytes: Buffer, at: number) => (wide ? Number(bytes.readBigUInt64LE(at)) : bytes.readUInt32LE(at));
  const counts = wide ? 54 : 42;
  const tables = {
    segments: {
      at: word(header, wide ? 32 : 28),
      size: header.readUInt16LE(counts),
      count: header.readUInt16LE(counts + 2),
    },
    sections: {
      at: word(header, wide ? 40 : 32),
      size: header.readUInt16LE(counts + 4),
      count: header.readUInt16LE(counts + 6),
    },
  };
  let end = Math.max(tables.sections.at + tables.sections.size * tables.sections.count, header.length);
  for (const [kind, { at, size, count }] of Object.entries(tables)) {
    const table = range.read(at <= range.length ? at : range.length, size * count);
    if (table.length < size * count || size < (wide ? 56 : 32)) {
      if (count === 0) continue;
      return undefined;
    }
    for (let i = 0; i < count; i++) {
      const entry = table.subarray(i * size, (i + 1) * size);
      // A segment's file offset and size; a section's, unless it has no bytes in the file (SHT_NOBITS).
      if (kind === 'segments') end = Math.max(end, word(entry, wide ? 8 : 4) + word(entry, wide ? 32 : 16));
      else if (entry.readUInt32LE(4) !== 8)
        end = Math.max(end, word(entry, wide ? 24 : 16) + word(entry, wide ? 32 : 20));
    }
  }
  return end <= range.length ? end : undefined;
}
