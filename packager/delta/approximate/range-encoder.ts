/** The encoding end of the range coder in contract/delta/approximate/range-decoder.ts. */
import type { BitCoder } from '../../../contract/delta/approximate/bit-coder.ts';

export class RangeEncoder implements BitCoder {
  #bytes = new Uint8Array(64 * 1024);
  #length = 0;
  #range = -1;
  /** Below 2^33; the bit 2^32 is a carry into bytes that wait. */
  #low = 0;
  /** The last byte that a carry can still change, or -1 before the first. */
  #waiting = -1;
  /** Bytes of 255 behind `#waiting`, which a carry turns to 0. */
  #waitingFull = 0;

  code(bit: number, probabilityOfOne: number): number {
    const bound = Math.imul(this.#range >>> 16, probabilityOfOne) >>> 0;
    if (bit === 1) {
      this.#range = bound | 0;
    } else {
      this.#low += bound;
      this.#range = (this.#range - bound) | 0;
    }
    while (this.#range >>> 24 === 0) {
      this.#range <<= 8;
      this.#shift();
    }
    return bit;
  }

  /** Ends the stream and returns all its bytes. */
  finish(): Uint8Array {
    for (let i = 0; i < 4; i++) this.#shift();
    this.#emitWaiting(0);
    return this.#bytes.subarray(0, this.#length);
  }

  #shift(): void {
    const top = Math.floor(this.#low / 0x1000000);
    if (top !== 0xff) {
      this.#emitWaiting(top >>> 8);
      this.#waiting = top & 0xff;
    } else {
      this.#waitingFull++;
    }
    this.#low = (this.#low % 0x1000000) * 0x100;
  }

  #emitWaiting(carry: number): void {
    if (this.#waiting >= 0) this.#emit(this.#waiting + carry);
    for (; this.#waitingFull > 0; this.#waitingFull--) this.#emit(0xff + carry);
  }

  #emit(byte: number): void {
    if (this.#length === this.#bytes.length) {
      const larger = new Uint8Array(this.#bytes.length * 2);
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    this.#bytes[this.#length++] = byte;
  }
}
