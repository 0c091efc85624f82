/** The decoders of opening by the libraries inside Node, with two buffers a stream and no garbage. */
import type { constants as ZlibConstants } from 'node:zlib';
import { SlipwayError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import { NodeBinding } from './node-binding.ts';
import type { Decoders } from './ports.ts';

/** The part of `node:zlib` that is used, passed in. */
export interface NodeInflate {
  readonly constants: typeof ZlibConstants;
  createInflateRaw(): object;
  createZstdDecompress(options: { params: Record<number, number>; dictionary?: Uint8Array }): object;
}

const outputBytes = 64 * 1024;

export function nodeDecoders(zlib: NodeInflate): Decoders {
  const { constants } = zlib;
  return {
    inflateRaw: (compressed) => decode(new NodeBinding(zlib.createInflateRaw()), constants.Z_NO_FLUSH, compressed),
    zstd(compressed, before) {
      const windowLog = before === undefined ? limits.maxRecipeZstdWindowLog : limits.maxZstdPatchWindowLog;
      const params = { [constants.ZSTD_d_windowLogMax]: windowLog };
      const options = before === undefined ? { params } : { params, dictionary: before };
      return decode(new NodeBinding(zlib.createZstdDecompress(options)), constants.ZSTD_e_continue, compressed);
    },
  };
}

async function* decode(
  binding: NodeBinding,
  directive: number,
  compressed: AsyncIterable<Uint8Array>,
): AsyncIterable<Uint8Array> {
  const output = new Uint8Array(outputBytes);
  try {
    for await (const input of compressed) {
      for (let offset = 0; ; ) {
        const { inputLeft, produced } = tryStep(binding, directive, input, offset, output);
        if (produced > 0) yield output.subarray(0, produced);
        const consumed = input.length - inputLeft - offset;
        offset += consumed;
        if (produced === output.length) continue;
        if (inputLeft === 0) break;
        if (consumed === 0) throw invalid(new Error('bytes behind the end of the stream'));
      }
    }
  } finally {
    binding.close();
  }
}

function tryStep(binding: NodeBinding, directive: number, input: Uint8Array, offset: number, output: Uint8Array) {
  try {
    return binding.step(directive, input, offset, input.length, output);
  } catch (cause) {
    throw invalid(cause);
  }
}

function invalid(cause: unknown): SlipwayError {
  return new SlipwayError('compression-invalid', 'expected a compressed stream that decodes', { cause });
}
