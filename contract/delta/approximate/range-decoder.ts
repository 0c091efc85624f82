/**
 * The decoding end of a binary range coder (Martin 1979, carries as in LZMA): 32-bit range, 16-bit probabilities.
 * Integer arithmetic only, so every CPU decodes the same bits. Unsigned 32-bit values live in signed ones, which V8
 * keeps out of the heap; comparing them flips the sign bit.
 */
import type { ByteSource } from '../../byte-source.ts';
import { SlipwayError } from '../../errors.ts';
import type { BitCoder } from './bit-coder.ts';

const signBit = -0x80000000;
const inputBlockBytes = 16 * 1024;

export class RangeDecoder implements BitCoder {
  readonly #source: ByteSource;
  readonly #block: Uint8Array;
  #nextBlock: number;
  #index = 0;
  #filled = 0;
  #range = -1;
  #value = 0;

  /**
   * Decodes what lies in `source` from `offset` to its end.
   * @throws SlipwayError `delta-truncated` here and in `code` when the bytes end too early
   */
  constructor(source: ByteSource, offset: number) {
    this.#source = source;
    this.#block = new Uint8Array(Math.min(inputBlockBytes, Math.max(source.length - offset, 0)));
    this.#nextBlock = offset;
    for (let i = 0; i < 4; i++) this.#value = (this.#value << 8) | this.#nextByte();
  }

  code(_bit: number, probabilityOfOne: number): number {
    const bound = Math.imul(this.#range >>> 16, probabilityOfOne);
    let bit: number;
    if ((this.#value ^ signBit) < (bound ^ signBit)) {
      this.#range = bound;
      bit = 1;
    } else {
      this.#range = (this.#range - bound) | 0;
      this.#value = (this.#value - bound) | 0;
      bit = 0;
    }
    while (this.#range >>> 24 === 0) {
      this.#range <<= 8;
      this.#value = (this.#value << 8) | this.#nextByte();
    }
    return bit;
  }

  /** @throws SlipwayError `delta-malformed` when bytes are left over */
  finish(): void {
    const left = this.#source.length - this.#nextBlock + (this.#filled - this.#index);
    if (left === 0) return;
    throw new SlipwayError('delta-malformed', `the patch is decoded, but ${left} bytes follow`);
  }

  #nextByte(): number {
    if (this.#index === this.#filled) this.#fill();
    return this.#block[this.#index++] as number;
  }

  #fill(): void {
    const length = Math.min(this.#block.length, this.#source.length - this.#nextBlock);
    if (length <= 0) {
      throw new SlipwayError(
        'delta-truncated',
        `the patch ends after ${this.#source.length} bytes, but more must follow`,
      );
    }
    this.#source.readInto(this.#block.subarray(0, length), this.#nextBlock);
    this.#nextBlock += length;
    this.#filled = length;
    this.#index = 0;
  }
}
