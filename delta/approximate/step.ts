/**
 * Codes the steps of an approximate patch: which old bytes each stretch of the new file resembles. They come before
 * everything else, since they also tell where the target of a reference has moved.
 */
import { SlipwayError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import type { SymbolCoder } from './symbol-coder.ts';

/**
 * Three numbers a step: bytes between the end of the previous step's old range and the start of this one's (negative
 * goes back); bytes of the new file that are coded against this range; bytes that follow them without a likeness.
 */
export type Steps = Int32Array;
export const stepFields = 3;

/** Codes all steps; `steps` is what the encoder knows. Values come out unchecked, see checkSteps. */
export function codeSteps(coder: SymbolCoder, steps: Steps | undefined): Steps {
  const numbers = coder.numbers(4);
  const count = numbers.code(3, (steps?.length ?? 0) / stepFields);
  if (count > limits.maxApproximateSteps) {
    throw new SlipwayError('delta-malformed', `${count} steps, more than ${limits.maxApproximateSteps}`);
  }
  const coded = new Int32Array(count * stepFields);
  for (let i = 0; i < coded.length; i += stepFields) {
    const seek = steps?.[i] ?? 0;
    const folded = numbers.code(0, seek < 0 ? -2 * seek - 1 : 2 * seek);
    coded[i] = folded % 2 === 0 ? folded / 2 : -(folded + 1) / 2;
    coded[i + 1] = numbers.code(1, steps?.[i + 1] ?? 0);
    coded[i + 2] = numbers.code(2, steps?.[i + 2] ?? 0);
  }
  return coded;
}

/**
 * Every forged length and position ends here.
 * @throws SlipwayError `delta-malformed` unless the steps make exactly `newLength` bytes, each step at least one;
 *   `delta-out-of-bounds` when one needs bytes outside the old file
 */
export function checkSteps(steps: Steps, oldLength: number, newLength: number): void {
  let oldAt = 0;
  let left = newLength;
  for (let i = 0; i < steps.length; i += stepFields) {
    const alike = steps[i + 1] as number;
    const own = steps[i + 2] as number;
    oldAt += steps[i] as number;
    if (alike < 0 || own < 0 || alike + own === 0 || alike + own > left) {
      throw new SlipwayError(
        'delta-malformed',
        `a step of ${alike} + ${own} bytes where ${left} bytes are left to make`,
      );
    }
    if (oldAt < 0 || oldAt + alike > oldLength) {
      throw new SlipwayError(
        'delta-out-of-bounds',
        `bytes ${oldAt} to ${oldAt + alike} of an old file of ${oldLength} bytes`,
      );
    }
    oldAt += alike;
    left -= alike + own;
  }
  if (left !== 0) throw new SlipwayError('delta-malformed', `the steps leave ${left} of ${newLength} bytes unmade`);
}

/** Bytes of the new file that no step takes from the old one. */
export function ownLength(steps: Steps): number {
  let sum = 0;
  for (let i = 2; i < steps.length; i += stepFields) sum += steps[i] as number;
  return sum;
}
