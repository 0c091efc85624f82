/**
 * Codes the numbers of the side tables, each with the statistics of its own column. Encoder and decoder drive it alike:
 * the encoder passes a value and gets it back, the decoder passes anything and gets the coded one.
 */
import type { AdaptiveNumbers, SymbolCoder } from '../approximate/symbol-coder.ts';

/** What a column holds; the index is its place in the statistics, so new ones go to the end. */
export const columns = {
  geometry: 0,
  regionKind: 1,
  regionGap: 2,
  regionLength: 3,
  regionAddress: 4,
  matchRun: 5,
  matchJump: 6,
  sizeGap: 7,
  sizeChange: 8,
  newSize: 9,
  rowGap: 10,
  rowChange: 11,
  editGap: 12,
  editCount: 13,
  editOffset: 14,
  editShift: 15,
  shiftCount: 16,
  shiftStart: 17,
  shiftChange: 32,
} as const;

const columnCount = 48;

export class NumberColumns {
  readonly #numbers: AdaptiveNumbers;

  constructor(coder: SymbolCoder) {
    this.#numbers = coder.numbers(columnCount);
  }

  /** @param value from 0 to 2^32 - 2 */
  unsigned(column: number, value: number): number {
    return this.#numbers.code(column, value);
  }

  /** @param value from -(2^31 - 1) to 2^31 - 1 */
  signed(column: number, value: number): number {
    const folded = this.unsigned(column, value < 0 ? -2 * value - 1 : 2 * value);
    return folded % 2 === 0 ? folded / 2 : -(folded + 1) / 2;
  }
}
