/**
 * Holds the default instruction code table of RFC 3284 section 5.6: what each of the 256 opcodes stands for. Tables
 * that a delta brings along are refused elsewhere.
 */

export const noop = 0;
export const add = 1;
export const run = 2;
export const copy = 3;

/**
 * Two instructions an opcode, as six columns indexed by opcode. Type: `noop`, `add`, `run`, `copy`. Size: bytes, 0
 * where the size follows as an integer. Mode: of a copy's address, 0 to 8.
 */
interface CodeTable {
  readonly firstType: Uint8Array;
  readonly firstSize: Uint8Array;
  readonly firstMode: Uint8Array;
  readonly secondType: Uint8Array;
  readonly secondSize: Uint8Array;
  readonly secondMode: Uint8Array;
}

type Half = readonly [type: number, size: number, mode: number];
const nothing: Half = [noop, 0, 0];

function buildDefaultTable(): CodeTable {
  const rows: (readonly [Half, Half])[] = [];
  rows.push([[run, 0, 0], nothing]);
  for (let size = 0; size <= 17; size++) rows.push([[add, size, 0], nothing]);
  for (let mode = 0; mode <= 8; mode++) {
    rows.push([[copy, 0, mode], nothing]);
    for (let size = 4; size <= 18; size++) rows.push([[copy, size, mode], nothing]);
  }
  for (let mode = 0; mode <= 8; mode++) {
    const longestCopy = mode < 6 ? 6 : 4;
    for (let addSize = 1; addSize <= 4; addSize++) {
      for (let copySize = 4; copySize <= longestCopy; copySize++) {
        rows.push([
          [add, addSize, 0],
          [copy, copySize, mode],
        ]);
      }
    }
  }
  for (let mode = 0; mode <= 8; mode++) {
    rows.push([
      [copy, 4, mode],
      [add, 1, 0],
    ]);
  }
  const column = (half: 0 | 1, field: 0 | 1 | 2) => Uint8Array.from(rows, (row) => row[half][field]);
  return {
    firstType: column(0, 0),
    firstSize: column(0, 1),
    firstMode: column(0, 2),
    secondType: column(1, 0),
    secondSize: column(1, 1),
    secondMode: column(1, 2),
  };
}

export const defaultCodeTable: CodeTable = buildDefaultTable();
