/** Holds what an encoder writes against the bytes that it should write, and stops it at the first difference. */
import type { FileRange } from './file-source.ts';

/** Thrown into an encoder to stop it; never leaves the probing. */
export class Differs extends Error {}

export class Comparison {
  readonly #expected: FileRange;
  #matched = 0;
  #difference = 0;

  constructor(expected: FileRange) {
    this.#expected = expected;
  }

  /** Bytes that were equal so far. */
  get matched(): number {
    return this.#matched;
  }

  /** Bits in which the first byte that differs does; 0 while none does, or where bytes came out too many. */
  get difference(): number {
    return this.#difference;
  }

  get complete(): boolean {
    return this.#matched === this.#expected.length;
  }

  /** @throws Differs */
  take(bytes: Uint8Array): void {
    const expected = this.#expected.read(this.#matched, bytes.length);
    if (expected.length < bytes.length || expected.compare(bytes) !== 0) {
      const at = expected.findIndex((byte, index) => byte !== bytes[index]);
      this.#difference = at < 0 ? 0 : (expected[at] as number) ^ (bytes[at] as number);
      throw new Differs();
    }
    this.#matched += bytes.length;
  }
}
