/** Holds what an encoder writes against the bytes that it should write, and stops it at the first difference. */
import type { FileRange } from '../file-source.ts';

/** Thrown into an encoder to stop it; never leaves the probing. */
export class Differs extends Error {}

export class Comparison {
  readonly #expected: FileRange;
  #matched = 0;
  #wrong: Uint8Array = new Uint8Array(0);

  constructor(expected: FileRange) {
    this.#expected = expected;
  }

  /** Bytes of the pieces that were equal so far. */
  get matched(): number {
    return this.#matched;
  }

  /** What came out from the first byte that differs on, as far as it came at once; empty while none does. */
  get wrong(): Uint8Array {
    return this.#wrong;
  }

  get complete(): boolean {
    return this.#matched === this.#expected.length;
  }

  /** @throws Differs */
  take(bytes: Uint8Array): void {
    const expected = this.#expected.read(this.#matched, bytes.length);
    if (expected.length < bytes.length || expected.compare(bytes) !== 0) {
      const at = expected.findIndex((byte, index) => byte !== bytes[index]);
      this.#wrong = bytes.slice(at < 0 ? expected.length : at);
      throw new Differs();
    }
    this.#matched += bytes.length;
  }
}
