/**
 * The statistics that an approximate patch is coded with: one object a patch, driven alike by encoder and decoder.
 * Which decisions are coded, and in which order, is written in contract/delta/FORMAT.md.
 */
import { AdaptiveBits, AdaptiveNumbers } from './adaptive-bits.ts';
import type { BitCoder } from './bit-coder.ts';

/** One step of a patch: bytes taken from the old file with differences, then bytes of its own. */
export interface Step {
  /** Bytes between the end of the previous step's old range and the start of this one's; negative goes back. */
  readonly seek: number;
  /** Bytes that are the old byte plus a difference. */
  readonly alike: number;
  /** Bytes that follow them as they are. */
  readonly own: number;
}

export class PatchModels {
  readonly #coder: BitCoder;
  readonly #lengths = new AdaptiveNumbers(4);
  readonly #runs = new AdaptiveNumbers(16);
  readonly #differences = new AdaptiveBits(256 * 256);
  readonly #own = new AdaptiveBits(256 * 256);
  #lastDifference = 0;
  #lastRunSize = 0;
  #lastOwn = 0;

  constructor(coder: BitCoder) {
    this.#coder = coder;
  }

  codeStep(step: Step): Step {
    const alike = this.#lengths.code(this.#coder, 0, step.alike);
    const own = this.#lengths.code(this.#coder, 1, step.own);
    const folded = this.#lengths.code(this.#coder, 2, step.seek < 0 ? -2 * step.seek - 1 : 2 * step.seek);
    return { alike, own, seek: folded % 2 === 0 ? folded / 2 : -(folded + 1) / 2 };
  }

  /** The count of bytes without a difference before the next one that differs, or the step's end. */
  codeRun(run: number): number {
    const coded = this.#runs.code(this.#coder, this.#lastRunSize, run);
    this.#lastRunSize = Math.min(15, 32 - Math.clz32(coded));
    return coded;
  }

  /** @param difference new byte minus old byte modulo 256, 1 to 255 */
  codeDifference(difference: number): number {
    this.#lastDifference = codeByte(this.#coder, this.#differences, this.#lastDifference, difference);
    return this.#lastDifference;
  }

  codeOwn(byte: number): number {
    this.#lastOwn = codeByte(this.#coder, this.#own, this.#lastOwn, byte);
    return this.#lastOwn;
  }
}

function codeByte(coder: BitCoder, bits: AdaptiveBits, context: number, byte: number): number {
  const base = context << 8;
  let node = 1;
  for (let i = 7; i >= 0; i--) node = (node << 1) | bits.code(coder, base + node, (byte >>> i) & 1);
  return node & 0xff;
}
