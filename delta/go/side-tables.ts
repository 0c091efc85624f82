/**
 * Reads and writes the side tables of a Go-aware delta: all that the decoder must be told besides the old file to build
 * the prediction. One function describes the order of the numbers to the encoder and to the decoder. Bounds are checked
 * here; what the tables say about the old file is checked where it is used.
 */
import { SlipwayError } from '../../contract/errors.ts';
import { codeEdits, type FunctionEdits } from './function-edits.ts';
import { codeLayout, type FunctionLayout } from './function-layout.ts';
import { columns, type NumberColumns } from './number-columns.ts';
import { codeRegions, type Region } from './regions.ts';
import { codeShiftRuns, type ShiftRuns } from './shift-table.ts';

export const sideTablesVersion = 2;

/** Single numbers that place the tables of the runtime. Addresses are below 2^32. */
interface Geometry {
  /** 0 amd64, 1 arm64. */
  readonly architecture: number;
  /** Bytes of a `_func` row before its arrays: 40 (Go 1.18, 1.19) or 44 (from Go 1.20 on). */
  readonly rowBytes: number;
  readonly oldFunctions: number;
  /** Where function offsets count from (`runtime.text`), old and new. */
  readonly oldText: number;
  readonly newText: number;
  /** File offset of the first function's code in the old file. */
  readonly oldTextOffset: number;
  /** Lowest address, and the one behind the highest, that counts as an address of the old image. */
  readonly lowestAddress: number;
  readonly addressEnd: number;
  /** Where type and name offsets count from (`runtime.types`). */
  readonly oldTypes: number;
  readonly newTypes: number;
  /** Where the offsets of pointer masks count from (`runtime.rodata`). */
  readonly oldRodata: number;
  readonly newRodata: number;
}

const geometryFields = [
  'architecture',
  'rowBytes',
  'oldFunctions',
  'oldText',
  'newText',
  'oldTextOffset',
  'lowestAddress',
  'addressEnd',
  'oldTypes',
  'newTypes',
  'oldRodata',
  'newRodata',
] as const satisfies readonly (keyof Geometry)[];

/** The kinds of values that move by run-length tables, in the order of `shifts`. */
export const shiftKinds = {
  /** Addresses outside Go functions. */
  address: 0,
  /** Offsets into the function name table. */
  name: 1,
  /** Offsets into the pc-value tables. */
  pcTable: 2,
  /** Offsets into the function data (`go:func.*`). */
  functionData: 3,
  /** Indexes of a compilation unit in the file index. */
  unit: 4,
  /** Offsets into the file name table. */
  file: 5,
  /** Names of `symbols`, offsets into their string table. */
  symbolName: 6,
  /** Names of `dynamicSymbols`. */
  dynamicSymbolName: 7,
} as const;

const shiftKindCount = Object.keys(shiftKinds).length;
/** Bounds of old functions: a few, and one more for each of these stretches of the old file. */
const fewFunctions = 4096;
const bytesPerFunction = 128;

export interface SideTables {
  readonly geometry: Geometry;
  readonly regions: readonly Region[];
  readonly layout: FunctionLayout;
  readonly edits: FunctionEdits;
  readonly shifts: readonly ShiftRuns[];
}

/**
 * @param oldLength bytes of the old file: they bound every table
 * @param tables what the encoder writes; nothing from the decoder
 * @throws SlipwayError `delta-malformed`, `delta-truncated`
 */
export function codeSideTables(numbers: NumberColumns, oldLength: number, tables?: SideTables): SideTables {
  const maxFunctions = fewFunctions + Math.floor(oldLength / bytesPerFunction);
  const geometry = Object.fromEntries(
    geometryFields.map((field) => [field, numbers.unsigned(columns.geometry, tables?.geometry[field] ?? 0)]),
  ) as unknown as Geometry;
  if (geometry.architecture > 1 || (geometry.rowBytes !== 40 && geometry.rowBytes !== 44)) {
    throw new SlipwayError(
      'delta-malformed',
      `architecture ${geometry.architecture}, rows of ${geometry.rowBytes} bytes`,
    );
  }
  if (geometry.oldFunctions === 0 || geometry.oldFunctions > maxFunctions) {
    throw new SlipwayError('delta-malformed', `${geometry.oldFunctions} functions, expected 1 to ${maxFunctions}`);
  }
  const regions = codeRegions(numbers, tables?.regions);
  const layout = codeLayout(numbers, geometry.oldFunctions, tables?.layout);
  const edits = codeEdits(numbers, layout.matches, tables?.edits);
  const shifts: ShiftRuns[] = [];
  for (let kind = 0; kind < shiftKindCount; kind++) {
    shifts.push(codeShiftRuns(numbers, kind, tables?.shifts[kind] ?? noRuns));
  }
  return { geometry, regions, layout, edits, shifts };
}

const noRuns: ShiftRuns = { starts: new Uint32Array(0), shifts: new Int32Array(0) };
