/**
 * Reads the bytes of a delta as they arrive: looks ahead a little, and fills buffers of its caller. It holds one chunk
 * of its source at a time and refuses to hold more.
 */
import { SlipwayError } from '../../contract/errors.ts';

const empty = new Uint8Array(0);

export class DeltaStream {
  private readonly chunks: AsyncIterator<Uint8Array>;
  private chunk: Uint8Array = empty;
  /** First byte of `chunk` that was not consumed. */
  private start = 0;
  private ended = false;

  constructor(delta: AsyncIterable<Uint8Array>) {
    this.chunks = delta[Symbol.asyncIterator]();
  }

  /** A view of the next bytes without consuming them: at least `length`, fewer only at the end of the delta. */
  async peek(length: number): Promise<Uint8Array> {
    while (this.chunk.length - this.start < length && !this.ended) {
      const rest = this.chunk.subarray(this.start);
      const next = await this.nextChunk();
      if (next === undefined) break;
      if (rest.length === 0) {
        this.chunk = next;
      } else {
        this.chunk = new Uint8Array(rest.length + next.length);
        this.chunk.set(rest);
        this.chunk.set(next, rest.length);
      }
      this.start = 0;
    }
    return this.chunk.subarray(this.start);
  }

  /** Consumes bytes that `peek` showed. */
  consume(length: number): void {
    this.start += length;
  }

  /**
   * Fills `target` wholly.
   * @throws SlipwayError `vcdiff-truncated` when the delta ends before
   */
  async readInto(target: Uint8Array, what: string): Promise<void> {
    for (let filled = 0; filled < target.length; ) {
      const piece = await this.some(target.length - filled, what);
      target.set(piece, filled);
      filled += piece.length;
    }
  }

  /**
   * Consumes `length` bytes unseen.
   * @throws SlipwayError `vcdiff-truncated` when the delta ends before
   */
  async skip(length: number, what: string): Promise<void> {
    for (let skipped = 0; skipped < length; ) skipped += (await this.some(length - skipped, what)).length;
  }

  /** Lets the source go; for a consumer that stops early as well as after the last byte. */
  async close(): Promise<void> {
    if (this.ended) return;
    this.ended = true;
    await this.chunks.return?.();
  }

  /** Consumes one to `most` bytes. */
  private async some(most: number, what: string): Promise<Uint8Array> {
    const piece = (await this.peek(1)).subarray(0, most);
    if (piece.length === 0) throw new SlipwayError('vcdiff-truncated', `the delta ends inside its ${what}`);
    this.consume(piece.length);
    return piece;
  }

  private async nextChunk(): Promise<Uint8Array | undefined> {
    const { value, done } = await this.chunks.next();
    if (done !== true) return value;
    this.ended = true;
    return undefined;
  }
}
