/**
 * Writes values in the bit order of DEFLATE (RFC 1951 3.1.1): least significant bit first, into a byte buffer that is
 * handed on when it is full. It knows nothing of blocks or codes.
 */

/** Receives compressed bytes; the view is only valid during the call. */
export type Emit = (bytes: Uint8Array) => void;

const bufferBytes = 64 * 1024;

export class BitWriter {
  readonly #emit: Emit;
  readonly #buffer = new Uint8Array(bufferBytes);
  #filled = 0;
  /** Bits not yet in the buffer; always fewer than 16 between calls. */
  #bits = 0;
  #count = 0;

  constructor(emit: Emit) {
    this.#emit = emit;
  }

  /** Bits waiting for a whole byte: 0 when the stream is at a byte boundary. */
  get pendingBits(): number {
    return this.#count & 7;
  }

  /** Appends the `count` (0 to 16) low bits of `value`; higher bits of `value` are zero. */
  put(value: number, count: number): void {
    this.#bits |= value << this.#count;
    this.#count += count;
    if (this.#count >= 16) {
      if (this.#filled + 2 > bufferBytes) this.#drain();
      this.#buffer[this.#filled++] = this.#bits;
      this.#buffer[this.#filled++] = this.#bits >>> 8;
      this.#bits >>>= 16;
      this.#count -= 16;
    }
  }

  /** Pads with zero bits up to the next byte boundary. */
  align(): void {
    while (this.#count > 0) {
      if (this.#filled === bufferBytes) this.#drain();
      this.#buffer[this.#filled++] = this.#bits;
      this.#bits >>>= 8;
      this.#count = Math.max(0, this.#count - 8);
    }
  }

  /** Appends whole bytes; the stream must be at a byte boundary. */
  bytes(source: Uint8Array): void {
    this.align();
    for (let offset = 0; offset < source.length; ) {
      if (this.#filled === bufferBytes) this.#drain();
      const take = Math.min(source.length - offset, bufferBytes - this.#filled);
      this.#buffer.set(source.subarray(offset, offset + take), this.#filled);
      this.#filled += take;
      offset += take;
    }
  }

  /** Hands on every whole byte. */
  flush(): void {
    while (this.#count >= 8) {
      if (this.#filled === bufferBytes) this.#drain();
      this.#buffer[this.#filled++] = this.#bits;
      this.#bits >>>= 8;
      this.#count -= 8;
    }
    this.#drain();
  }

  #drain(): void {
    if (this.#filled > 0) this.#emit(this.#buffer.subarray(0, this.#filled));
    this.#filled = 0;
  }
}
