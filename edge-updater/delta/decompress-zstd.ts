/**
 * Decompresses zstd (RFC 8878) with a bounded window. The length of the result is not bounded here: the consumer stops
 * reading.
 */
import { Readable } from 'node:stream';
import { constants, createZstdDecompress } from 'node:zlib';
import { SlipwayError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';

/** @throws SlipwayError `compression-window-too-large`, `compression-invalid`; what `bytes` throws */
export async function* decompressZstdStream(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const decoder = createZstdDecompress({
    chunkSize: 256 * 1024,
    params: { [constants.ZSTD_d_windowLogMax]: limits.maxZstdWindowLog },
  });
  const source = Readable.from(bytes, { objectMode: false });
  source.on('error', (error) => decoder.destroy(error));
  source.pipe(decoder);
  try {
    yield* decoder as AsyncIterable<Uint8Array>;
  } catch (error) {
    throw classify(error);
  } finally {
    source.destroy();
    decoder.destroy();
  }
}

function classify(error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'ZSTD_error_frameParameter_windowTooLarge') {
    const message = `the zstd frame needs a window above 2^${limits.maxZstdWindowLog} bytes`;
    return new SlipwayError('compression-window-too-large', message, { cause: error });
  }
  if (!code.startsWith('ZSTD_') && !code.startsWith('Z_') && code !== 'ERR_STREAM_PREMATURE_CLOSE') return error;
  return new SlipwayError('compression-invalid', `not a whole zstd frame (${code})`, { cause: error });
}
