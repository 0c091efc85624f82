/**
 * Proves a delta before it ships: applies it with the decoder that devices run and compares the result with the new
 * file. Streams; memory is that of the decoder.
 */
import { createReadStream } from 'node:fs';
import type { Digest } from '../../contract/digest.ts';
import { SlipwayError } from '../../contract/errors.ts';
import { streamDigest } from '../../contract/stream-digest.ts';
import { decodeVcdiff } from '../vcdiff/decode.ts';
import { openFileSource } from './file-source.ts';

const readBytes = 256 * 1024;

export interface ExpectedFile {
  /** Bytes. */
  readonly length: number;
  readonly sha256: Digest;
}

/**
 * Resolves when `deltaFile` turns `oldFile` into exactly the expected file.
 * @throws SlipwayError `delta-not-reproducible` when it does not, with the decoder's error as cause where it refused;
 *   `io-error` when a file cannot be read
 */
export async function proveDelta(oldFile: string, deltaFile: string, expected: ExpectedFile): Promise<void> {
  const source = openFileSource(oldFile);
  let found: Digest;
  try {
    found = await streamDigest(decodeVcdiff(source, readDelta(deltaFile), expected.length));
  } catch (cause) {
    if (cause instanceof SlipwayError && cause.code === 'io-error') throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw notReproducible(deltaFile, `the decoder of devices refuses it: ${why}`, cause);
  } finally {
    source[Symbol.dispose]();
  }
  if (found !== expected.sha256) {
    throw notReproducible(deltaFile, `expected a file with digest ${expected.sha256}, found ${found}`);
  }
}

async function* readDelta(file: string): AsyncGenerator<Uint8Array> {
  try {
    yield* createReadStream(file, { highWaterMark: readBytes });
  } catch (cause) {
    throw new SlipwayError('io-error', `${file} cannot be read`, { cause });
  }
}

function notReproducible(deltaFile: string, why: string, cause?: unknown): SlipwayError {
  return new SlipwayError('delta-not-reproducible', `${deltaFile} does not give the new file back: ${why}`, {
    cause,
    hint: 'Ship the whole file; please report the pair of files as a defect.',
  });
}
