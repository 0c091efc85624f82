/**
 * Calls a compression library one call at a time, through Node's binding below its streams (`_handle`, `_writeState`).
 * Node's own stream takes input that a library has not consumed yet for trailing data and ends, which loses zstd frames
 * made with jobs, and it makes a buffer for every chunk, which on a small device is most of the memory. The binding is
 * Node's private one: the programs ship with the Node that they were tested with, a binding of another shape is refused
 * by name, and what comes out is checked by length and digest.
 */
import { SlipwayError } from '../../contract/errors.ts';

interface StreamHandle {
  writeSync(
    directive: number,
    input: Uint8Array,
    inputOffset: number,
    inputLength: number,
    output: Uint8Array,
    outputOffset: number,
    outputLength: number,
  ): void;
}

/** A stream of `node:zlib`, as far as it is used: the answer of a call is free output bytes, unread input bytes. */
interface NodeStream {
  readonly _handle: StreamHandle;
  readonly _writeState: Uint32Array;
  readonly errored: Error | null;
  on(event: 'error', listener: () => void): void;
  destroy(): void;
}

export interface CodecStep {
  /** Bytes of the input that were not consumed. */
  readonly inputLeft: number;
  readonly produced: number;
}

export class NodeBinding {
  readonly #stream: NodeStream;
  readonly #handle: StreamHandle;

  /**
   * @param stream one that `node:zlib` made and nobody else uses
   * @throws SlipwayError `recipe-encoder-missing` when this Node's streams look otherwise
   */
  constructor(stream: object) {
    const candidate = stream as Partial<NodeStream>;
    if (typeof candidate._handle?.writeSync !== 'function' || !(candidate._writeState instanceof Uint32Array)) {
      throw new SlipwayError('recipe-encoder-missing', "expected Node's zlib binding, found one of another shape", {
        hint: 'Run the Node version that the program was built with.',
      });
    }
    this.#stream = candidate as NodeStream;
    this.#handle = candidate._handle;
    // The stream tells of errors later as well; they are read off it at once.
    this.#stream.on('error', () => {});
  }

  /**
   * Works on `input` from `offset` on, into the whole of `output`.
   * @throws Error the library's own, for input that it refuses
   */
  step(directive: number, input: Uint8Array, offset: number, end: number, output: Uint8Array): CodecStep {
    this.#handle.writeSync(directive, input, offset, end - offset, output, 0, output.length);
    if (this.#stream.errored !== null) throw this.#stream.errored;
    const [outputFree = 0, inputLeft = 0] = this.#stream._writeState;
    return { inputLeft, produced: output.length - outputFree };
  }

  close(): void {
    this.#stream.destroy();
  }
}
