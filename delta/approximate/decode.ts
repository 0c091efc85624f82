/**
 * Rebuilds a file from an old one and an approximate patch, in one pass of the patch with positioned reads of the old
 * file. Memory does not depend on either file. Refuses to judge the result: callers compare its digest.
 */

import { SlipwayError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import type { ByteSink } from '../byte-sink.ts';
import { type ByteSource, memorySource } from '../byte-source.ts';
import { ContentModels, chunkBytes } from './content-models.ts';
import { RangeDecoder } from './range-decoder.ts';
import { codeFamily, referenceFamilies } from './reference-family.ts';
import { checkSteps, codeSteps, stepFields } from './step.ts';
import { codeTableBits, leastTableBits } from './table-bits.ts';

export const approximateVersion = 1;
/** Version, then the length of the new file as an unsigned 32-bit little-endian number. */
export const approximateHeaderBytes = 5;

/** The length of the file that `patch` rebuilds, before anything is decoded. */
export function approximateNewLength(patch: Uint8Array | ByteSource): number {
  const source = patch instanceof Uint8Array ? memorySource(patch) : patch;
  if (source.length < approximateHeaderBytes) {
    throw new SlipwayError('delta-truncated', `an approximate patch has ${source.length} bytes, not even its header`);
  }
  const header = new Uint8Array(approximateHeaderBytes);
  source.readInto(header, 0);
  if (header[0] !== approximateVersion) {
    throw new SlipwayError(
      'delta-version-unknown',
      `approximate patch version ${header[0]}, expected ${approximateVersion}`,
    );
  }
  const length = new DataView(header.buffer).getUint32(1, true);
  if (length > limits.maxApproximateBytes) {
    throw new SlipwayError(
      'delta-malformed',
      `the patch claims a file of ${length} bytes, more than ${limits.maxApproximateBytes}`,
    );
  }
  return length;
}

/**
 * Writes the new file to `sink`.
 * @returns its length, which equals approximateNewLength(patch)
 * @throws SlipwayError `delta-truncated`, `delta-malformed` or `delta-out-of-bounds`; bytes may have been written by
 *   then
 */
export function decodeApproximate(old: ByteSource, patch: Uint8Array | ByteSource, sink: ByteSink): number {
  const source = patch instanceof Uint8Array ? memorySource(patch) : patch;
  const newLength = approximateNewLength(source);
  if (newLength === 0) {
    if (source.length === approximateHeaderBytes) return 0;
    throw new SlipwayError('delta-malformed', 'the patch of an empty file has bytes behind its header');
  }
  const coder = new RangeDecoder(source, approximateHeaderBytes);
  const tableBits = codeTableBits(coder, leastTableBits);
  const family = codeFamily(coder, referenceFamilies.none);
  const addressBase = family === referenceFamilies.none ? 0 : coder.plainBits(0, 32);
  const steps = codeSteps(coder, undefined);
  checkSteps(steps, old.length, newLength);
  const models = new ContentModels(coder, steps, { oldLength: old.length, addressBase, family, tableBits });
  let oldAt = 0;
  let newAt = 0;
  for (let i = 0; i < steps.length; i += stepFields) {
    oldAt += steps[i] as number;
    for (let left = steps[i + 1] as number; left > 0; ) {
      const length = Math.min(left, chunkBytes);
      old.readInto(models.oldChunk(length), oldAt);
      sink.write(models.codeAlike(length, oldAt, newAt));
      oldAt += length;
      newAt += length;
      left -= length;
    }
    for (let left = steps[i + 2] as number; left > 0; ) {
      const length = Math.min(left, chunkBytes);
      sink.write(models.codeOwn(length));
      newAt += length;
      left -= length;
    }
  }
  coder.finish();
  return newLength;
}
