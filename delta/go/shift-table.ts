/**
 * Records how far every value of one kind (an address, an offset into a string table) moved from the old file to the
 * new one, by runs. A run holds from its start to the next run's.
 */
import { SlipwayError } from '../../contract/errors.ts';
import { columns, type NumberColumns } from './number-columns.ts';

export interface ShiftRuns {
  /** Old values, strictly ascending. Values below the first do not move. */
  readonly starts: Uint32Array;
  /** New value minus old value from `starts[i]` on, modulo 2^32. */
  readonly shifts: Int32Array;
}

export const maxShiftRuns = 1 << 18;

/** Codes one table; `kind` is below 15 and gives it statistics of its own. */
export function codeShiftRuns(numbers: NumberColumns, kind: number, runs: ShiftRuns): ShiftRuns {
  const count = numbers.unsigned(columns.shiftCount, runs.starts.length);
  if (count > maxShiftRuns) {
    throw new SlipwayError('delta-malformed', `a table of ${count} shifts, more than ${maxShiftRuns}`);
  }
  const starts = new Uint32Array(count);
  const shifts = new Int32Array(count);
  let start = -1;
  let shift = 0;
  for (let i = 0; i < count; i++) {
    start += 1 + numbers.unsigned(columns.shiftStart + kind, (runs.starts[i] ?? 0) - start - 1);
    if (start > 0xffffffff) throw new SlipwayError('delta-malformed', 'a shift that starts above 2^32');
    shift = (shift + numbers.signed(columns.shiftChange + kind, ((runs.shifts[i] ?? 0) - shift) | 0)) | 0;
    starts[i] = start;
    shifts[i] = shift;
  }
  return { starts, shifts };
}
