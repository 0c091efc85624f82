/** Decodes a range-coded stream. */

import { SlipwayError } from '../../contract/errors.ts';
import type { ByteSource } from '../byte-source.ts';
import { ModelStream } from './models.ts';

export class RangeDecoder extends ModelStream {
  readonly #source: BlockReader;

  /**
   * Decodes what lies in `source` from `offset` to its end, by blocks.
   * @throws SlipwayError `delta-truncated` here and whenever something is coded, when the bytes end too early
   */
  constructor(source: ByteSource, offset: number) {
    const reader = new BlockReader(source, offset);
    super({ fill: (target) => reader.read(target), drain: () => {} });
    this.#source = reader;
    this.module.startDecoding();
  }

  /** @throws SlipwayError `delta-malformed` when bytes are left over */
  finish(): void {
    const left = this.#source.left() + this.module.bytesLeft();
    if (left === 0) return;
    throw new SlipwayError('delta-malformed', `the patch is decoded, but ${left} bytes follow`);
  }
}

class BlockReader {
  readonly #source: ByteSource;
  #at: number;

  constructor(source: ByteSource, offset: number) {
    this.#source = source;
    this.#at = offset;
  }

  left(): number {
    return this.#source.length - this.#at;
  }

  read(target: Uint8Array): number {
    const length = Math.min(target.length, this.left());
    if (length <= 0) {
      throw new SlipwayError(
        'delta-truncated',
        `the patch ends after ${this.#source.length} bytes, but more must follow`,
      );
    }
    this.#source.readInto(target.subarray(0, length), this.#at);
    this.#at += length;
    return length;
  }
}
