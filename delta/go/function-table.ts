/**
 * Reads `functab` and the `_func` rows of Go's pclntab, from Go 1.18 on (runtime/symtab.go,
 * cmd/link/internal/ld/pcln.go): pairs of 4-byte offsets (code, row), one more code offset for the end, then the rows.
 */

import { SlipwayError } from '../../contract/errors.ts';
import type { ByteSource } from '../byte-source.ts';

export interface FunctionTable {
  readonly count: number;
  /** `count + 1` ascending offsets from the text's base; the last is the end of the last function. */
  readonly entries: Uint32Array;
  /** Offsets of the rows from the table's first byte. */
  readonly rows: Uint32Array;
}

const pairsAtOnce = 8192;

/**
 * @param offset of the table in the file
 * @param length of the table with its rows
 * @throws SlipwayError `delta-malformed` when it is not such a table
 */
export function readFunctionTable(old: ByteSource, offset: number, length: number, count: number): FunctionTable {
  if (8 * count + 4 > length || offset + length > old.length) {
    throw new SlipwayError('delta-malformed', `a table of ${count} functions in ${length} bytes`);
  }
  const entries = new Uint32Array(count + 1);
  const rows = new Uint32Array(count);
  const chunk = new Uint8Array(8 * pairsAtOnce);
  const view = new DataView(chunk.buffer);
  for (let at = 0; at <= count; at += pairsAtOnce) {
    const pairs = Math.min(pairsAtOnce, count - at);
    const bytes = 8 * pairs + (at + pairs === count && pairs < pairsAtOnce ? 4 : 0);
    old.readInto(chunk.subarray(0, bytes), offset + 8 * at);
    for (let i = 0; i < pairs; i++) {
      entries[at + i] = view.getUint32(8 * i, true);
      rows[at + i] = view.getUint32(8 * i + 4, true);
    }
    if (bytes > 8 * pairs) entries[count] = view.getUint32(8 * pairs, true);
  }
  for (let i = 0; i < count; i++) {
    if ((entries[i] as number) > (entries[i + 1] as number)) {
      throw new SlipwayError('delta-malformed', `function ${i} begins behind function ${i + 1}`);
    }
  }
  return { count, entries, rows };
}

/** Offsets in a `_func` row. The last byte before the arrays is the count of function data entries. */
export const rowFields = { entry: 0, name: 4, pcSp: 16, pcFile: 20, pcLine: 24, pcDataCount: 28, unit: 32 } as const;

/** An entry of the array of function data that stands for none. */
export const noFunctionData = 0xffffffff;
