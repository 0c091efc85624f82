/**
 * Adaptive binary models of small symbols and of numbers: what a patch's control values and run lengths are coded
 * with. Each bit has a probability that is the mean of a fast and a slow estimate.
 */
import { type BitCoder, codePlainBits } from './bit-coder.ts';

const half = 0x8000;
const fastShift = 4;
const slowShift = 7;

/** A table of adaptive bits, addressed by context. */
export class AdaptiveBits {
  readonly #fast: Uint16Array;
  readonly #slow: Uint16Array;

  constructor(contexts: number) {
    this.#fast = new Uint16Array(contexts).fill(half);
    this.#slow = new Uint16Array(contexts).fill(half);
  }

  code(coder: BitCoder, context: number, bit: number): number {
    const fast = this.#fast[context] as number;
    const slow = this.#slow[context] as number;
    const probability = (fast + slow) >>> 1;
    const coded = coder.code(bit, probability < 24 ? 24 : probability > 0x10000 - 24 ? 0x10000 - 24 : probability);
    if (coded === 1) {
      this.#fast[context] = fast + ((0xffff - fast) >> fastShift);
      this.#slow[context] = slow + ((0xffff - slow) >> slowShift);
    } else {
      this.#fast[context] = fast - (fast >> fastShift);
      this.#slow[context] = slow - (slow >> slowShift);
    }
    return coded;
  }
}

/**
 * Numbers from 0 to 2^32 - 2 in Elias-gamma form: the count of bits by a tree of adaptive bits, the two bits below
 * the leading one adaptive, the rest plain.
 */
export class AdaptiveNumbers {
  readonly #bits: AdaptiveBits;

  /** @param contexts how many separate statistics are kept */
  constructor(contexts: number) {
    this.#bits = new AdaptiveBits(contexts << 8);
  }

  code(coder: BitCoder, context: number, value: number): number {
    const base = context << 8;
    const plusOne = value + 1;
    const size = 31 - Math.clz32(plusOne);
    let node = 1;
    for (let i = 4; i >= 0; i--) node = (node << 1) | this.#bits.code(coder, base + node, (size >>> i) & 1);
    const codedSize = node & 31;
    let result = 1;
    let low = codedSize;
    for (let i = 0; i < 2 && low > 0; i++) {
      low--;
      const slot = base + 64 + (codedSize << 2) + result;
      result = (result << 1) | this.#bits.code(coder, slot, (plusOne >>> low) & 1);
    }
    return result * 2 ** low + codePlainBits(coder, plusOne, low) - 1;
  }
}
