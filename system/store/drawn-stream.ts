/**
 * Reads an object that a service sends as streams, at the reader's pace: nothing comes that nobody asked for. A slow
 * reader would keep the service waiting, which has only few answers under way, too. So the object is asked for in
 * spans: a short one first, with which the service is done at once, and a longer one each time that one was read to its
 * end. A stream that nobody reads for a while is let go, and so is one that breaks; the next span begins where it was.
 */
import type { Readable } from 'node:stream';
import type { OpenObject } from './reader.ts';

interface StreamSource {
  readonly length: number;
  /** @returns a stream of this number of bytes from here on, of those that are asked for */
  readonly openFrom: (offset: number, bytes: number) => Promise<Readable>;
  /** What to throw where a stream breaks that gave nothing. */
  readonly fail: (cause: unknown) => Error;
  /** Milliseconds without a reader; a test may be impatient. */
  readonly patienceMs?: number;
}

const defaultPatienceMs = 3000;
/** Of the first stream; doubled with each span that is read to its end in time. */
export const firstSpanBytes = 1024 * 1024;

/** @param first a stream of the first span, or of all bytes where there are fewer */
export function drawnStream(first: Readable, source: StreamSource): OpenObject {
  return new DrawnStream(first, source);
}

class DrawnStream implements OpenObject {
  readonly length: number;
  readonly #source: StreamSource;
  #stream: Readable | undefined;
  #pieces: AsyncIterator<Buffer>;
  /** Came and was not given yet. */
  #rest: Buffer = Buffer.alloc(0);
  /** Of the object; all before it came. */
  #offset = 0;
  #span = firstSpanBytes;
  #spanEnd: number;
  #hasCome = false;
  #letGo: NodeJS.Timeout | undefined;

  constructor(first: Readable, source: StreamSource) {
    this.length = source.length;
    this.#spanEnd = Math.min(source.length, firstSpanBytes);
    this.#source = source;
    this.#stream = listened(first);
    this.#pieces = piecesOf(first);
  }

  async read(into: Uint8Array): Promise<number> {
    clearTimeout(this.#letGo);
    while (this.#rest.length === 0 && this.#offset < this.length) await this.#take();
    const count = this.#rest.copy(into);
    this.#rest = this.#rest.subarray(count);
    this.#letGo = setTimeout(() => this.#leave(), this.#source.patienceMs ?? defaultPatienceMs).unref();
    return count;
  }

  close(): void {
    clearTimeout(this.#letGo);
    this.#stream?.destroy();
  }

  async #take(): Promise<void> {
    if (this.#offset === this.#spanEnd) {
      this.#span *= 2;
      this.#stream = undefined;
    }
    try {
      if (!this.#stream) await this.#open();
      const next = await this.#pieces.next();
      if (next.done) throw new Error(`the stream ended after ${this.#offset} of ${this.length} bytes`);
      this.#rest = next.value;
      this.#offset += next.value.length;
      this.#hasCome = true;
    } catch (cause) {
      if (!this.#hasCome) throw this.#source.fail(cause);
      this.#leave();
    }
  }

  async #open(): Promise<void> {
    this.#hasCome = false;
    this.#spanEnd = Math.min(this.length, this.#offset + this.#span);
    this.#stream = listened(await this.#source.openFrom(this.#offset, this.#spanEnd - this.#offset));
    this.#pieces = piecesOf(this.#stream);
  }

  #leave(): void {
    if (this.#offset === this.length) return;
    this.#span = firstSpanBytes;
    this.#stream?.destroy();
    this.#stream = undefined;
  }
}

function piecesOf(stream: Readable): AsyncIterator<Buffer> {
  return stream[Symbol.asyncIterator]();
}

/** Between two reads nobody listens: what breaks then is told by the next read. */
function listened(stream: Readable): Readable {
  return stream.on('error', () => undefined);
}
