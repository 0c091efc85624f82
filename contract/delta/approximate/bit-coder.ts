/**
 * One binary decision, seen from both ends. The models of an approximate patch are written once against this
 * interface, so the encoder and the decoder cannot disagree about a probability.
 */
export interface BitCoder {
  /**
   * Codes one bit.
   * @param bit 0 or 1; the decoder ignores it
   * @param probabilityOfOne in 1/65536, from 1 to 65535
   * @returns the bit: the argument from the encoder, the decoded one from the decoder
   */
  code(bit: number, probabilityOfOne: number): number;
}

/** Codes the low `count` bits of `value` as equally likely, the highest first; `count` is 0 to 32. */
export function codePlainBits(coder: BitCoder, value: number, count: number): number {
  let result = 0;
  for (let i = count - 1; i >= 0; i--) result = (result << 1) | coder.code((value >>> i) & 1, 0x8000);
  return result >>> 0;
}
