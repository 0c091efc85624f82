/** Gathers many short writes into few long ones, and refuses to write more than was promised. */
import type { ByteSink } from '../../byte-sink.ts';
import { SlipwayError } from '../../errors.ts';

const bufferBytes = 256 * 1024;

export class GatheredSink implements ByteSink {
  readonly #sink: ByteSink;
  readonly #buffer = new Uint8Array(bufferBytes);
  #filled = 0;

  #left: number;

  /** @param limit bytes that may be written in all */
  constructor(sink: ByteSink, limit: number) {
    this.#sink = sink;
    this.#left = limit;
  }

  /** @throws SlipwayError `delta-malformed` above the limit */
  write(chunk: Uint8Array): void {
    this.#left -= chunk.length;
    if (this.#left < 0) throw new SlipwayError('delta-malformed', 'side tables that multiply the old file');
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
