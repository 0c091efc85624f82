/**
 * A range-coded stream of symbols is written once for both ends: models work against this interface, so the encoder and
 * the decoder cannot disagree about a probability. From the encoder a value comes back as it was given; the decoder
 * ignores what it is given and returns the coded one.
 */
export interface SymbolCoder {
  /** Codes the low `count` bits of `value` as equally likely, the highest first; `count` is 0 to 32. */
  plainBits(value: number, count: number): number;
  /** New statistics for numbers in that many contexts. */
  numbers(contexts: number): AdaptiveNumbers;
}

export interface AdaptiveNumbers {
  /** Codes a number from 0 to 2^32 - 2, small ones in few bits, those that came before in that context in fewer. */
  code(context: number, value: number): number;
}
