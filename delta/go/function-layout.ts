/**
 * Describes the new order of functions: which old function each new one is predicted from, how long it is, and how many
 * entries the arrays of its row have.
 */
import { SlipwayError } from '../../contract/errors.ts';
import { columns, type NumberColumns } from './number-columns.ts';

export interface FunctionLayout {
  /** For each new function the old one's index, or -1. */
  readonly matches: Int32Array;
  /** Length of the new function minus the old one's; the length itself without a match. */
  readonly sizeChanges: Int32Array;
  /** Entries of the row's pc-value array minus the old row's; the count itself without a match. */
  readonly pcDataChanges: Int32Array;
  /** The same for the array of function data. */
  readonly functionDataChanges: Int32Array;
}

/** New functions beyond one and a half times the old ones. */
const maxAddedFunctions = 65536;

/** @throws SlipwayError `delta-malformed` */
export function codeLayout(numbers: NumberColumns, oldCount: number, layout?: FunctionLayout): FunctionLayout {
  const count = numbers.unsigned(columns.geometry, layout?.matches.length ?? 0);
  if (count > 1.5 * oldCount + maxAddedFunctions) {
    throw new SlipwayError('delta-malformed', `${count} functions made of ${oldCount}`);
  }
  const matches = codeMatches(numbers, oldCount, count, layout?.matches);
  const sizeChanges = codeSparse(numbers, columns.sizeGap, columns.sizeChange, count, layout?.sizeChanges);
  const pcDataChanges = codeSparse(numbers, columns.rowGap, columns.rowChange, count, layout?.pcDataChanges);
  const functionDataChanges = codeSparse(
    numbers,
    columns.rowGap,
    columns.rowChange,
    count,
    layout?.functionDataChanges,
  );
  return { matches, sizeChanges, pcDataChanges, functionDataChanges };
}

/** Runs of consecutive old functions; a jump of 0 marks a run without a match, others are shifted away from it. */
function codeMatches(numbers: NumberColumns, oldCount: number, count: number, matches?: Int32Array): Int32Array {
  const coded = new Int32Array(count);
  let expected = 0;
  for (let at = 0; at < count; ) {
    const first = matches?.[at] ?? -1;
    const length = 1 + numbers.unsigned(columns.matchRun, (matches === undefined ? 1 : runLength(matches, at)) - 1);
    const jump = first - expected;
    const noted = numbers.signed(columns.matchJump, first < 0 ? 0 : jump >= 0 ? jump + 1 : jump);
    const start = expected + (noted > 0 ? noted - 1 : noted);
    if (length > count - at || (noted !== 0 && (start < 0 || start + length > oldCount))) {
      throw new SlipwayError('delta-malformed', `a run of ${length} functions from ${start} on of ${oldCount}`);
    }
    for (let i = 0; i < length; i++) coded[at + i] = noted === 0 ? -1 : start + i;
    if (noted !== 0) expected = start + length;
    at += length;
  }
  return coded;
}

function runLength(matches: Int32Array, at: number): number {
  const first = matches[at] as number;
  let length = 1;
  while (at + length < matches.length && matches[at + length] === (first < 0 ? -1 : first + length)) length++;
  return length;
}

function codeSparse(
  numbers: NumberColumns,
  gaps: number,
  changes: number,
  count: number,
  values?: Int32Array,
): Int32Array {
  const coded = new Int32Array(count);
  for (let at = 0; ; at++) {
    let next = at;
    while (values !== undefined && next < count && values[next] === 0) next++;
    at += numbers.unsigned(gaps, next - at);
    if (at > count) throw new SlipwayError('delta-malformed', 'a change of a function behind the last one');
    if (at === count) return coded;
    coded[at] = numbers.signed(changes, values?.[at] ?? 0);
  }
}
