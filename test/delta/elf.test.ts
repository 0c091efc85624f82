import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { elfIdentity, elfLength, readElfHeader, readSections, readSegments, readTexts } from '../../delta/elf.ts';
import { compressedSections } from '../../delta/make/compressed-sections.ts';
import { readElf } from '../../delta/make/go/program-areas.ts';
import { elfWithSections } from '../corpus/elf-sections.ts';
import { guarded } from './applying.ts';

const program = elfWithSections(Buffer.alloc(300, 7), [
  { name: '.text', bytes: Buffer.alloc(100, 1) },
  { name: '.symtab', bytes: Buffer.alloc(48), type: 2, link: '.strtab' },
  { name: '.strtab', bytes: Buffer.from('\0main\0'), type: 3 },
]);

/** An ELF header of 32 bits with one segment and no section. */
function narrow(): Buffer {
  const bytes = Buffer.alloc(52 + 32 + 10);
  bytes.write('\x7fELF\x01\x01\x01', 'latin1');
  bytes.writeUInt16LE(40, 18);
  bytes.writeUInt32LE(52, 28);
  bytes.writeUInt16LE(32, 42);
  bytes.writeUInt16LE(1, 44);
  bytes.writeUInt32LE(1, 52);
  bytes.writeUInt32LE(84, 52 + 4);
  bytes.writeUInt32LE(10, 52 + 16);
  return bytes;
}

describe('an ELF file', () => {
  it('tells its sections by name, place and reference', () => {
    const file = guarded(program);
    const header = readElfHeader(file);
    if (header === undefined) throw new Error('no header');
    const sections = readSections(file, header) ?? [];
    const names = sections[header.namesIndex];
    const nameAt = names && readTexts(file, names);
    expect(sections.map(({ name }) => nameAt?.(name))).toEqual(['', '.text', '.symtab', '.strtab', '.shstrtab']);
    expect(sections[2]).toMatchObject({ type: 2, length: 48, link: 3 });
  });

  it('is read with 32 bits as well', () => {
    const bytes = narrow();
    const header = readElfHeader(guarded(bytes));
    expect(header).toMatchObject({ wide: false, machine: 40, length: 52 });
    expect(header && readSegments(guarded(bytes), header)).toMatchObject([{ type: 1, offset: 84, length: 10 }]);
    expect(elfLength(guarded(Buffer.concat([bytes, Buffer.alloc(9)])))).toBe(bytes.length);
  });

  it('tells its machine also where its bytes have the other order, and nothing else then', () => {
    const bytes = Buffer.from(program);
    bytes[5] = 2;
    bytes.writeUInt16BE(21, 18);
    expect(elfIdentity(bytes)).toEqual({ wide: true, littleEndian: false, machine: 21 });
    expect(readElfHeader(guarded(bytes))).toBeUndefined();
  });

  it('is never read outside of what there is, cut off or damaged as it may be', () => {
    const damage = fc.array(fc.tuple(fc.nat(119), fc.integer({ min: 0, max: 255 })), { maxLength: 6 });
    fc.assert(
      fc.property(fc.constantFrom(program, narrow()), damage, fc.nat(1000), (whole, changes, cut) => {
        const bytes = Buffer.from(whole.subarray(0, whole.length - (cut % 2 === 0 ? cut % whole.length : 0)));
        for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
        const length = elfLength(guarded(bytes));
        if (length !== undefined) expect(length).toBeLessThanOrEqual(bytes.length);
        for (const { offset, length: size } of compressedSections(guarded(bytes))) {
          expect(offset + size).toBeLessThanOrEqual(bytes.length);
        }
        readElf(bytes);
      }),
      { numRuns: 2000 },
    );
  });
});
