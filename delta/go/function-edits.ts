/**
 * Records where code was inserted or removed inside matched functions, so that branches across such places, and
 * references behind them, are predicted with the distances of the new code.
 */
import { SlipwayError } from '../../contract/errors.ts';
import { columns, type NumberColumns } from './number-columns.ts';

/** Parallel arrays, by new function and then by offset. */
export interface FunctionEdits {
  /** Index of the new function. */
  readonly functions: Uint32Array;
  /** Offset in the old function from which on the shift holds. */
  readonly offsets: Uint32Array;
  /** Bytes from the old offset in the function to the new one. */
  readonly shifts: Int32Array;
}

export const maxEdits = 1 << 19;

/** @throws SlipwayError `delta-malformed` */
export function codeEdits(numbers: NumberColumns, matches: Int32Array, edits?: FunctionEdits): FunctionEdits {
  const count = numbers.unsigned(columns.editCount, edits?.functions.length ?? 0);
  if (count > maxEdits) throw new SlipwayError('delta-malformed', `${count} edits, more than ${maxEdits}`);
  const functions = new Uint32Array(count);
  const offsets = new Uint32Array(count);
  const shifts = new Int32Array(count);
  let index = 0;
  let offset = 0;
  let shift = 0;
  for (let i = 0; i < count; i++) {
    const gap = numbers.unsigned(columns.editGap, (edits?.functions[i] ?? 0) - index);
    if (gap > 0) {
      offset = 0;
      shift = 0;
    }
    index += gap;
    if (index >= matches.length || (matches[index] as number) < 0) {
      throw new SlipwayError('delta-malformed', `an edit of function ${index}, which has no old one`);
    }
    offset += numbers.unsigned(columns.editOffset, (edits?.offsets[i] ?? 0) - offset);
    if (offset > 0xffffffff) throw new SlipwayError('delta-malformed', 'an edit above 2^32');
    shift = (shift + numbers.signed(columns.editShift, (edits?.shifts[i] ?? 0) - shift)) | 0;
    functions[i] = index;
    offsets[i] = offset;
    shifts[i] = shift;
  }
  return { functions, offsets, shifts };
}
