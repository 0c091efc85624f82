/** Ranges of the old file as views of one buffer: neighbouring reads cost one positioned read of a block. */
import type { ByteSource } from '../../byte-source.ts';
import { SlipwayError } from '../../errors.ts';

const blockBytes = 128 * 1024;

/** Longer ranges are refused by `view`: callers read them piecewise. */
export const maxViewBytes = 4 * 1024 * 1024;

export class OldWindow {
  readonly #old: ByteSource;
  #buffer = new Uint8Array(blockBytes);
  #start = 0;
  #filled = 0;

  constructor(old: ByteSource) {
    this.#old = old;
  }

  /**
   * The old bytes from `offset` on, to read until the next call, which ends the view; never to change.
   * @throws SlipwayError `delta-malformed` outside the old file or above maxViewBytes
   */
  view(offset: number, length: number): Uint8Array {
    if (offset < 0 || length < 0 || length > maxViewBytes || offset + length > this.#old.length) {
      throw new SlipwayError('delta-malformed', `${length} bytes at ${offset} of an old file of ${this.#old.length}`);
    }
    return this.#viewOf(offset, length).subarray(0, length);
  }

  #viewOf(offset: number, length: number): Uint8Array {
    if (offset < this.#start || offset + length > this.#start + this.#filled) {
      if (length > this.#buffer.length) this.#buffer = new Uint8Array(Math.min(maxViewBytes, length * 2));
      this.#filled = Math.min(this.#buffer.length, this.#old.length - offset);
      this.#start = offset;
      this.#old.readInto(this.#buffer.subarray(0, this.#filled), offset);
    }
    return this.#buffer.subarray(offset - this.#start);
  }
}
