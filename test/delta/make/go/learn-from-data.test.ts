import { describe, expect, it } from 'vitest';
import { sectionTypes } from '../../../../delta/elf.ts';
import type { AddressMap } from '../../../../delta/go/address-map.ts';
import type { Region } from '../../../../delta/go/regions.ts';
import type { GoImage } from '../../../../delta/make/go/go-image.ts';
import { learnFromData } from '../../../../delta/make/go/learn-from-data.ts';
import type { ElfRange } from '../../../../delta/make/go/program-areas.ts';

const relative = { x86: 8, arm64: 1027 };
const types = 0x10000;

/** An image whose file is loaded at `types` from its first byte on. */
function image(bytes: Buffer, areas: readonly ElfRange[] = []): GoImage {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const segments = [{ ...everything(bytes), type: 1 }];
  const elf = { bytes, view, machine: 62, segments, areas, addressEnd: 0x100000 };
  return { elf, types } as unknown as GoImage;
}

function everything(bytes: Buffer): ElfRange {
  return { name: '', type: 0, executable: false, loaded: true, address: types, offset: 0, length: bytes.length };
}

/** Elf64_Rela: place, kind, addend. */
function relocated(entries: readonly (readonly [place: number, kind: number, addend: number])[]): GoImage {
  const bytes = Buffer.alloc(24 * entries.length);
  for (const [i, [place, kind, addend]] of entries.entries()) {
    bytes.writeBigUInt64LE(BigInt(place), 24 * i);
    bytes.writeUInt32LE(kind, 24 * i + 8);
    bytes.writeBigUInt64LE(BigInt(addend), 24 * i + 16);
  }
  return image(bytes, [{ ...everything(bytes), type: sectionTypes.relocations }]);
}

/** Everything is expected `by` bytes further; 0x500 and 0x600 are where functions begin. */
function mapBy(by: number): AddressMap {
  const map: Pick<AddressMap, 'map' | 'areEntries'> = {
    map: (address) => address + by,
    areEntries: (first, second) => first === 0x500 && second === 0x600,
  };
  return map as AddressMap;
}

function learnt(old: GoImage, new_: GoImage, regions: readonly Region[], map: AddressMap): number[][] {
  const votes: number[][] = [];
  learnFromData(old, new_, regions, map, (address, newAddress) => votes.push([address, newAddress]));
  return votes;
}

describe('what data tells', () => {
  const words = (...numbers: number[]) => {
    const bytes = Buffer.alloc(4 * numbers.length);
    for (const [i, number] of numbers.entries()) bytes.writeUInt32LE(number, 4 * i);
    return image(bytes);
  };
  const typesOf = (length: number): Region[] => [{ kind: 'types', offset: 0, length, address: types }];

  it('is where offsets of types and names went, and pointers, but not the entries of a method', () => {
    const old = words(0x20, 0x40, 0x500, 0x600, types + 8, 0, 0, 0x60);
    const new_ = words(0x22, 0x44, 0x700, 0x800, types + 16, 0, 0, 0x68);
    expect(learnt(old, new_, typesOf(32), mapBy(0))).toEqual([
      [types + 0x20, types + 0x22],
      [types + 0x40, types + 0x44],
      [types + 8, types + 16],
      [types + 0x60, types + 0x68],
    ]);
  });

  it('is read where each word is expected now', () => {
    const new_ = words(0, 0, 0x22, 0x44);
    expect(learnt(words(0x20, 0x40), new_, typesOf(8), mapBy(8))).toContainEqual([types + 0x20, types + 0x22]);
  });

  it('is where the addends of relocations went, each found by its place', () => {
    const old = relocated([
      [0x20000, relative.x86, 0x3000],
      [0x20008, relative.arm64, 0x4000],
      [0x20010, 1, 0x5000],
    ]);
    const new_ = relocated([
      [0x20100, relative.x86, 0x9000],
      [0x20108, relative.x86, 0x3040],
      [0x20110, relative.arm64, 0x4080],
      [0x20118, 1, 0x5000],
    ]);
    expect(learnt(old, new_, [], mapBy(0x108))).toEqual([
      [0x3000, 0x3040],
      [0x4000, 0x4080],
    ]);
  });
});
