/** Writes frames by the libzstd inside Node, streaming and with jobs. A frame costs its window and its level. */
import { constants, createZstdCompress } from 'node:zlib';
import { SlipwayError } from '../../contract/errors.ts';
import { type CodecStep, NodeBinding } from './node-binding.ts';
import type { ByteConsumer, ZstdEncoder, ZstdEncoding } from './ports.ts';
import { zstdEncoderMissing } from './zstd-encoders.ts';
import type { ZstdSettings } from './zstd-settings.ts';

/** The reads of the zstd command: what ends a frame is the last of them, not an empty one after it. */
const inputBytes = 128 * 1024;
const outputBytes = 128 * 1024;

/**
 * Writes frames of the one version of libzstd that is inside this Node.
 * @param workers threads for frames with jobs; the bytes do not depend on their number, memory does
 */
export function libzstdEncoder(workers = 1): ZstdEncoder {
  const version = process.versions.zstd;
  const versions = version === undefined ? [] : [version];
  return {
    versions,
    encode(settings, contentLength, frameLength, sink) {
      if (settings.version !== version) throw zstdEncoderMissing([settings.version], versions);
      const stream = createZstdCompress({
        params: parametersOf(settings, workers),
        ...(settings.contentSize ? { pledgedSrcSize: contentLength } : {}),
      });
      return new LibzstdEncoding(new NodeBinding(stream), frameLength, sink);
    },
  };
}

class LibzstdEncoding implements ZstdEncoding {
  readonly #binding: NodeBinding;
  readonly #sink: ByteConsumer;
  readonly #input = new Uint8Array(inputBytes);
  readonly #output = new Uint8Array(outputBytes);
  #filled = 0;
  #frameLeft: number;

  constructor(binding: NodeBinding, frameLength: number, sink: ByteConsumer) {
    this.#binding = binding;
    this.#frameLeft = frameLength;
    this.#sink = sink;
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

  /** What a call consumed has come out, as far as it is certain. */
  settle(): void {}

  close(): void {
    this.#binding.close();
  }

  async #compress(last: boolean): Promise<void> {
    const directive = last ? constants.ZSTD_e_end : constants.ZSTD_e_continue;
    for (let offset = 0; ; ) {
      const { inputLeft, produced } = this.#step(directive, offset);
      this.#frameLeft -= produced;
      if (produced > 0) await this.#sink(this.#output.subarray(0, produced));
      offset = this.#filled - inputLeft;
      // At the end the library returns with room left only when the frame is complete; where the frame ends just at
      // the end of the buffer its length tells, since one more call would begin another frame.
      if (inputLeft === 0 && (!last || produced < outputBytes || this.#frameLeft <= 0)) break;
    }
    this.#filled = 0;
  }

  #step(directive: number, offset: number): CodecStep {
    try {
      return this.#binding.step(directive, this.#input, offset, this.#filled, this.#output);
    } catch (cause) {
      throw new SlipwayError('recipe-not-reproducible', 'the zstd encoder refused', { cause });
    }
  }
}

function parametersOf(settings: ZstdSettings, workers: number): Record<number, number | boolean> {
  return {
    [constants.ZSTD_c_compressionLevel]: settings.level,
    [constants.ZSTD_c_windowLog]: settings.windowLog,
    ...(settings.longDistance ? { [constants.ZSTD_c_enableLongDistanceMatching]: 1 } : {}),
    [constants.ZSTD_c_checksumFlag]: settings.checksum ? 1 : 0,
    [constants.ZSTD_c_contentSizeFlag]: settings.contentSize ? 1 : 0,
    [constants.ZSTD_c_nbWorkers]: settings.jobs ? workers : 0,
  };
}
