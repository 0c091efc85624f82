/** Ranges of the old file in one buffer: neighbouring reads cost one positioned read of a block. */
import type { ByteSource } from '../../byte-source.ts';
import { SlipwayError } from '../../errors.ts';

const blockBytes = 128 * 1024;

/** Longer ranges are refused: callers read them piecewise. */
export const maxViewBytes = 4 * 1024 * 1024;

export class OldWindow {
  readonly #old: ByteSource;
  #buffer = new Uint8Array(blockBytes);
  #start = 0;
  #filled = 0;

  constructor(old: ByteSource) {
    this.#old = old;
  }

  /** What `locate` found its range in; another one after a longer range. Never to be changed. */
  get bytes(): Uint8Array {
    return this.#buffer;
  }

  /**
   * Where `bytes` holds the old bytes from `offset` on, until the next call.
   * @throws SlipwayError `delta-malformed` outside the old file or above maxViewBytes
   */
  locate(offset: number, length: number): number {
    if (offset >= this.#start && length >= 0 && offset + length <= this.#start + this.#filled)
      return offset - this.#start;
    if (offset < 0 || length < 0 || length > maxViewBytes || offset + length > this.#old.length) {
      throw new SlipwayError('delta-malformed', `${length} bytes at ${offset} of an old file of ${this.#old.length}`);
    }
    if (length > this.#buffer.length) this.#buffer = new Uint8Array(Math.min(maxViewBytes, length * 2));
    this.#filled = Math.min(this.#buffer.length, this.#old.length - offset);
    this.#start = offset;
    this.#old.readInto(this.#buffer.subarray(0, this.#filled), offset);
    return 0;
  }

  /** As `locate`, as a view that the next call ends. */
  view(offset: number, length: number): Uint8Array {
    const at = this.locate(offset, length);
    return this.#buffer.subarray(at, at + length);
  }
}
