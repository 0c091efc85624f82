/** Encodes a range-coded stream; see delta/approximate/range-decoder.ts. */
import { ModelStream } from '../../approximate/models.ts';

export class RangeEncoder extends ModelStream {
  readonly #chunks: Uint8Array[];

  constructor() {
    const chunks: Uint8Array[] = [];
    super({ fill: () => 0, drain: (bytes) => chunks.push(bytes.slice()) });
    this.#chunks = chunks;
    this.module.startEncoding();
  }

  /** Ends the stream and returns all its bytes. */
  finish(): Uint8Array {
    this.module.finishEncoding();
    return new Uint8Array(Buffer.concat(this.#chunks));
  }
}
