/** Decides which parts of an old Go program are predicted how: the regions of the side tables. */

import { sectionTypes } from '../../elf.ts';
import { buildFindTable } from '../../go/find-table.ts';
import type { Region, RegionKind } from '../../go/regions.ts';
import type { GoImage } from './go-image.ts';
import type { ElfFile, ElfRange } from './program-areas.ts';

/** Regions in file order; they do not overlap. */
export function planRegions(image: GoImage): Region[] {
  const { elf } = image;
  const regions: Region[] = [];
  const claim = (kind: RegionKind, offset: number, end: number, address: number): void => {
    const unit = kind === 'pointers' || kind === 'types' ? 8 : 1;
    for (const piece of freePieces(regions, offset, end)) {
      const skip = (unit - ((piece.offset - offset) % unit)) % unit;
      const length = Math.floor((piece.length - skip) / unit) * unit;
      const start = piece.offset + skip;
      if (length > 0) regions.push({ kind, offset: start, length, address: address + start - offset });
    }
    regions.sort((a, b) => a.offset - b.offset);
  };
  const codeLength =
    (image.functions.entries[image.functions.count] as number) - (image.functions.entries[0] as number);
  claim(
    'functions',
    image.textOffset,
    image.textOffset + codeLength,
    image.text + (image.functions.entries[0] as number),
  );
  claim('functionTable', image.functionTable.offset, image.functionTable.offset + image.functionTable.length, 0);
  claim('fileOffsets', image.unitTable.offset, image.unitTable.offset + (image.unitTable.length & ~3), 0);
  const find = findTable(image);
  if (find !== undefined) claim('findFunctions', find.offset, find.offset + find.length, 0);
  const data = image.functionData;
  if (data !== undefined) claim('functionData', data.offset, data.offset + data.length, 0);
  // The strings and the pc-value tables of pclntab.
  leave(regions, image.header, image.functionTable.offset + image.functionTable.length);
  for (const area of elf.areas) {
    const end = area.offset + area.length;
    const kind = kindOf(area);
    if (kind === 'pointers' && image.types >= area.address && image.types < area.address + area.length) {
      const types = area.offset + image.types - area.address;
      const typesEnd = data !== undefined && data.offset > types && data.offset < end ? data.offset : end;
      const firstType = Math.min(types + lowestTypeOffset(elf), typesEnd);
      leave(regions, types, firstType);
      claimAligned(claim, 'types', area, firstType, typesEnd);
    }
    if (kind !== undefined) claimAligned(claim, kind, area, area.offset, end);
  }
  return regions.filter((region) => region.kind !== nothing);
}

/** Of the types that `.typelink` lists; the linker puts the names of all types before them, strings that are copied. */
function lowestTypeOffset({ areas, view }: ElfFile): number {
  let lowest = Number.POSITIVE_INFINITY;
  for (const area of areas) {
    if (kindOf(area) !== 'typeOffsets') continue;
    for (let at = area.offset; at + 4 <= area.offset + area.length; at += 4) {
      lowest = Math.min(lowest, view.getUint32(at, true));
    }
  }
  return Number.isFinite(lowest) ? lowest : 0;
}

/** Stands for ranges that are copied: claimed so that no later rule takes them. */
const nothing = 'copied' as RegionKind;

function leave(regions: Region[], from: number, end: number): void {
  for (const piece of freePieces(regions, from, end)) regions.push({ kind: nothing, ...piece, address: 0 });
  regions.sort((a, b) => a.offset - b.offset);
}

type Claim = (kind: RegionKind, offset: number, end: number, address: number) => void;

/** Kinds that areas of a program have by their section, and what their bytes come in. */
type AreaKind = Exclude<RegionKind, 'functions' | 'functionTable' | 'functionData' | 'findFunctions' | 'fileOffsets'>;
const unitBytes: Record<AreaKind, number> = {
  code: 1,
  typeOffsets: 4,
  pointers: 8,
  types: 8,
  relocations: 24,
  symbols: 24,
  dynamicSymbols: 24,
};

/** Words count from addresses that are multiples of 8; code and records from where they begin. */
function claimAligned(claim: Claim, kind: AreaKind, area: ElfRange, from: number, end: number): void {
  const words = kind === 'pointers' || kind === 'types';
  const skew = words ? (8 - ((area.address + from - area.offset) % 8)) % 8 : 0;
  const unit = unitBytes[kind];
  const start = from + skew;
  const length = Math.floor((end - start) / unit) * unit;
  if (length > 0) claim(kind, start, start + length, area.loaded ? area.address + start - area.offset : 0);
}

function kindOf(area: ElfRange): AreaKind | undefined {
  if (area.type === sectionTypes.symbols) return 'symbols';
  if (area.type === sectionTypes.dynamicSymbols) return 'dynamicSymbols';
  if (area.type === sectionTypes.relocations) return 'relocations';
  if (!area.loaded) return undefined;
  if (area.name.endsWith('.typelink')) return 'typeOffsets';
  if (area.executable) return 'code';
  const { programBits, initArray, finiArray, dynamic } = sectionTypes;
  const words: readonly number[] = [programBits, initArray, finiArray, dynamic];
  return words.includes(area.type) ? 'pointers' : undefined;
}

function freePieces(regions: readonly Region[], offset: number, end: number): { offset: number; length: number }[] {
  const pieces: { offset: number; length: number }[] = [];
  let at = offset;
  for (const region of regions) {
    if (region.offset + region.length <= at || region.offset >= end) continue;
    if (region.offset > at) pieces.push({ offset: at, length: region.offset - at });
    at = Math.max(at, region.offset + region.length);
  }
  if (at < end) pieces.push({ offset: at, length: end - at });
  return pieces;
}

/** `runtime.findfunctab`, found by what it must hold. */
function findTable(image: GoImage): { offset: number; length: number } | undefined {
  const table = buildFindTable(image.functions.entries);
  const { bytes } = image.elf;
  const offset = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).indexOf(table);
  return offset < 0 || table.length < 20 ? undefined : { offset, length: table.length };
}
