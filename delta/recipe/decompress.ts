/**
 * Decodes DEFLATE and zstd streams by the libraries inside Node, with two buffers a stream and no garbage. A decoder
 * gives the content of one whole stream; a chunk, of the stream as of the content, is only valid until the next is
 * asked for.
 */
import { constants, createInflateRaw, createZstdDecompress } from 'node:zlib';
import { SlipwayError } from '../../contract/errors.ts';
import { NodeBinding } from './node-binding.ts';

const outputBytes = 64 * 1024;

/**
 * The content of a raw DEFLATE stream (RFC 1951).
 * @throws SlipwayError `compression-invalid`; a stream that is cut off gives what there is of it
 */
export function inflateRaw(stream: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  return decode(new NodeBinding(createInflateRaw()), constants.Z_NO_FLUSH, stream);
}

/**
 * The content of a zstd frame (RFC 8878).
 * @param windowLog of the largest window that is allowed, 10 to 31: the decoder needs 2^windowLog bytes
 * @param before bytes that matches may reach into as if they came before the content: a raw content dictionary
 * @throws SlipwayError `compression-window-too-large`, `compression-invalid`; a frame that is cut off gives what there
 *   is of it
 */
export function decompressZstd(
  frame: AsyncIterable<Uint8Array>,
  windowLog: number,
  before?: Uint8Array,
): AsyncIterable<Uint8Array> {
  const params = { [constants.ZSTD_d_windowLogMax]: windowLog };
  const options = before === undefined ? { params } : { params, dictionary: before };
  return decode(new NodeBinding(createZstdDecompress(options)), constants.ZSTD_e_continue, frame);
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
  if (cause instanceof Error && 'code' in cause && cause.code === 'ZSTD_error_frameParameter_windowTooLarge') {
    return new SlipwayError('compression-window-too-large', 'the zstd frame needs a larger window than allowed', {
      cause,
    });
  }
  return new SlipwayError('compression-invalid', 'expected a compressed stream that decodes', { cause });
}
