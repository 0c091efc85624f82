/** Names the parts of the old file that are predicted otherwise than by copying, in file order. */
import { SlipwayError } from '../../contract/errors.ts';
import { columns, type NumberColumns } from './number-columns.ts';

export const regionKinds = [
  /** Code of the Go functions: laid out in the new order, references rewritten. Exactly one. */
  'functions',
  /** Code that no Go function table covers (cgo, PLT): references rewritten in place. */
  'code',
  /** Aligned 8-byte words, some of them addresses. */
  'pointers',
  /** Type descriptors: addresses, and 4-byte offsets of types, names and code. */
  'types',
  /** Aligned 4-byte offsets from the types' base. */
  'typeOffsets',
  /** `functab` and the `_func` rows behind it. Exactly one. */
  'functionTable',
  /** Function data, with the inlining trees. At most one. */
  'functionData',
  /** `runtime.findfunctab`, built anew. At most one. */
  'findFunctions',
  /** ELF relocations with addends, 24 bytes each. */
  'relocations',
  /** ELF symbols, 24 bytes each. */
  'symbols',
  /** Aligned 4-byte offsets into the file name table. */
  'fileOffsets',
  /** ELF symbols of the dynamic linker, 24 bytes each. */
  'dynamicSymbols',
] as const;

export type RegionKind = (typeof regionKinds)[number];

export interface Region {
  readonly kind: RegionKind;
  /** In the old file. */
  readonly offset: number;
  /** At least 1. */
  readonly length: number;
  /** Where its first byte lies in memory; 0 for what is not loaded. */
  readonly address: number;
}

const maxRegions = 1024;
const single = ['functions', 'functionTable', 'functionData', 'findFunctions'] as const;
const required: ReadonlySet<RegionKind> = new Set(['functions', 'functionTable']);

/** @throws SlipwayError `delta-malformed` */
export function codeRegions(numbers: NumberColumns, regions: readonly Region[] = []): readonly Region[] {
  const count = numbers.unsigned(columns.geometry, regions.length);
  if (count > maxRegions) throw new SlipwayError('delta-malformed', `${count} regions, more than ${maxRegions}`);
  const coded: Region[] = [];
  let end = 0;
  for (let i = 0; i < count; i++) {
    const region = regions[i] ?? { kind: 'pointers', offset: end, length: 1, address: 0 };
    const kind = regionKinds[numbers.unsigned(columns.regionKind, regionKinds.indexOf(region.kind))];
    if (kind === undefined) throw new SlipwayError('delta-malformed', 'a region of an unknown kind');
    const offset = end + numbers.unsigned(columns.regionGap, region.offset - end);
    const length = 1 + numbers.unsigned(columns.regionLength, region.length - 1);
    const address = numbers.unsigned(columns.regionAddress, region.address);
    end = offset + length;
    coded.push({ kind, offset, length, address });
  }
  for (const kind of single) {
    const found = coded.filter((region) => region.kind === kind).length;
    if (found > 1 || (found === 0 && required.has(kind))) {
      throw new SlipwayError('delta-malformed', `${found} regions of the kind ${kind}, expected one`);
    }
  }
  return coded;
}
