/** Gathers many short writes into few long ones. */
import type { ByteSink } from '../../byte-sink.ts';

const bufferBytes = 256 * 1024;

export class GatheredSink implements ByteSink {
  readonly #sink: ByteSink;
  readonly #buffer = new Uint8Array(bufferBytes);
  #filled = 0;

  constructor(sink: ByteSink) {
    this.#sink = sink;
  }

  write(chunk: Uint8Array): void {
    if (this.#filled + chunk.length > bufferBytes) this.flush();
    if (chunk.length > bufferBytes) {
      this.#sink.write(chunk);
      return;
    }
    this.#buffer.set(chunk, this.#filled);
    this.#filled += chunk.length;
  }

  /** Passes on what is gathered; to be called at the end. */
  flush(): void {
    if (this.#filled > 0) this.#sink.write(this.#buffer.subarray(0, this.#filled));
    this.#filled = 0;
  }
}
