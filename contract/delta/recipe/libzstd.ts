/**
 * Frames by the libzstd inside Node, streaming and with jobs. Node's own stream over it takes input that the library
 * has not consumed yet for trailing data and ends, which loses frames made with jobs; so this drives the binding below
 * the stream, one ZSTD_compressStream2 a call. The binding is Node's private one: the programs ship with the Node they
 * were tested with, every frame is checked by length and digest, and a binding of another shape is refused by name.
 */
import type { constants as ZlibConstants, ZlibOptions, ZstdOptions } from 'node:zlib';
import { SlipwayError } from '../../errors.ts';
import type { ByteSink, ZstdEncoder, ZstdEncoding } from './ports.ts';
import type { ZstdSettings } from './zstd-settings.ts';

/** The part of `node:zlib` that is used, passed in. */
export interface NodeZstd {
  readonly constants: typeof ZlibConstants;
  createZstdCompress(options?: ZstdOptions & Pick<ZlibOptions, 'chunkSize'>): object;
}

/** Node's binding (`_handle`) and the pair it answers in (`_writeState`): free output bytes, unread input bytes. */
interface Binding {
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

interface BoundStream {
  readonly _handle: Binding | null;
  readonly _writeState: Uint32Array;
  on(event: 'error', listener: (error: Error) => void): void;
  destroy(): void;
}

/** The reads of the zstd command: what ends a frame is the last of them, not an empty one after it. */
const inputBytes = 128 * 1024;
const outputBytes = 128 * 1024;

/**
 * @param version `process.versions.zstd`
 * @param workers threads for frames with jobs; the bytes do not depend on their number, memory does
 */
export function libzstdEncoder(zlib: NodeZstd, version: string | undefined, workers = 1): ZstdEncoder {
  return {
    encode(settings, contentLength, frameLength, sink) {
      if (settings.version !== version) {
        throw new SlipwayError(
          'recipe-encoder-missing',
          `expected libzstd ${settings.version}, this program carries ${version ?? 'none'}`,
          { hint: 'Use a delta that does not open this artifact, or another version of the program.' },
        );
      }
      const stream = zlib.createZstdCompress({
        params: parametersOf(settings, zlib.constants, workers),
        ...(settings.contentSize ? { pledgedSrcSize: contentLength } : {}),
      });
      return new LibzstdEncoding(bound(stream), zlib.constants, contentLength, frameLength, sink);
    },
  };
}

class LibzstdEncoding implements ZstdEncoding {
  readonly #stream: BoundStream;
  readonly #constants: typeof ZlibConstants;
  readonly #sink: ByteSink;
  readonly #input = new Uint8Array(inputBytes);
  readonly #output = new Uint8Array(outputBytes);
  #filled = 0;
  #contentLeft: number;
  #frameLeft: number;
  #failure: Error | undefined;

  constructor(
    stream: BoundStream,
    constants: typeof ZlibConstants,
    contentLength: number,
    frameLength: number,
    sink: ByteSink,
  ) {
    this.#stream = stream;
    this.#constants = constants;
    this.#contentLeft = contentLength;
    this.#frameLeft = frameLength;
    this.#sink = sink;
    stream.on('error', (error) => {
      this.#failure = error;
    });
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let offset = 0; offset < bytes.length; ) {
      // A full chunk waits: only what follows tells whether it is the last.
      if (this.#filled === inputBytes) await this.#compress(false);
      const take = Math.min(bytes.length - offset, inputBytes - this.#filled);
      this.#input.set(bytes.subarray(offset, offset + take), this.#filled);
      this.#filled += take;
      offset += take;
    }
  }

  async finish(): Promise<void> {
    await this.#compress(true);
  }

  close(): void {
    this.#stream.destroy();
  }

  async #compress(last: boolean): Promise<void> {
    const handle = this.#stream._handle;
    if (handle === null) throw new SlipwayError('internal', 'expected an open zstd encoder, found a closed one');
    const directive = last ? this.#constants.ZSTD_e_end : this.#constants.ZSTD_e_continue;
    for (let offset = 0; ; ) {
      handle.writeSync(directive, this.#input, offset, this.#filled - offset, this.#output, 0, outputBytes);
      if (this.#failure !== undefined) {
        throw new SlipwayError('recipe-not-reproducible', 'the zstd encoder refused', { cause: this.#failure });
      }
      const [outputFree = 0, inputLeft = 0] = this.#stream._writeState;
      const produced = outputBytes - outputFree;
      this.#frameLeft -= produced;
      if (produced > 0) await this.#sink(this.#output.subarray(0, produced));
      offset = this.#filled - inputLeft;
      // At the end the library returns with room left only when the frame is complete; where the frame ends just at
      // the end of the buffer its length tells, since one more call would begin another frame.
      if (inputLeft === 0 && (!last || outputFree > 0 || this.#frameLeft <= 0)) break;
    }
    this.#contentLeft -= this.#filled;
    this.#filled = 0;
    if (this.#contentLeft < 0) throw new SlipwayError('recipe-malformed', 'more content than the recipe says');
  }
}

function parametersOf(
  settings: ZstdSettings,
  constants: typeof ZlibConstants,
  workers: number,
): Record<number, number | boolean> {
  return {
    [constants.ZSTD_c_compressionLevel]: settings.level,
    [constants.ZSTD_c_windowLog]: settings.windowLog,
    ...(settings.longDistance ? { [constants.ZSTD_c_enableLongDistanceMatching]: 1 } : {}),
    [constants.ZSTD_c_checksumFlag]: settings.checksum ? 1 : 0,
    [constants.ZSTD_c_contentSizeFlag]: settings.contentSize ? 1 : 0,
    [constants.ZSTD_c_nbWorkers]: settings.jobs ? workers : 0,
  };
}

function bound(stream: object): BoundStream {
  const candidate = stream as Partial<BoundStream>;
  if (typeof candidate._handle?.writeSync !== 'function' || !(candidate._writeState instanceof Uint32Array)) {
    throw new SlipwayError('recipe-encoder-missing', "expected Node's zstd binding, found one of another shape", {
      hint: 'Run the Node version that the program was built with.',
    });
  }
  return candidate as BoundStream;
}
