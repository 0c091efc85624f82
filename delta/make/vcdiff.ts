/**
 * Makes one VCDIFF delta: decides whether the encoder can take the pair, encodes, and proves the result with the
 * decoder of devices. Whether the delta is small enough to ship is decided by its caller.
 */
import { rm, stat } from 'node:fs/promises';
import { SlipwayError } from '../../contract/errors.ts';
import type { DeltaEncoder, EncodedDelta, SkippedDelta } from './ports.ts';
import { type ExpectedFile, proveDelta } from './prove.ts';

/**
 * Writes a proven delta from `oldFile` to `newFile` into `outFile`, or says why there is none and leaves no `outFile`.
 * @param expected length and digest of `newFile`
 * @throws SlipwayError `io-error` when a file cannot be read
 */
export async function makeVcdiff(
  encoder: DeltaEncoder,
  oldFile: string,
  newFile: string,
  outFile: string,
  expected: ExpectedFile,
): Promise<EncodedDelta | SkippedDelta> {
  const refused = refusal(await lengthOf(oldFile), expected.length, encoder.maxInputBytes);
  if (refused) return refused;
  const outcome = await encoder.encode(oldFile, newFile, outFile);
  if (outcome.kind === 'skipped') return outcome;
  try {
    await proveDelta(oldFile, outFile, expected);
  } catch (error) {
    await rm(outFile, { force: true });
    if (!(error instanceof SlipwayError) || error.code !== 'delta-not-reproducible') throw error;
    return { kind: 'skipped', reason: 'not-reproducible', detail: error.message };
  }
  return outcome;
}

function refusal(oldLength: number, newLength: number, maxInputBytes: number): SkippedDelta | undefined {
  if (oldLength === 0 || newLength === 0) {
    return { kind: 'skipped', reason: 'input-empty', detail: 'the old or the new file is empty' };
  }
  const largest = Math.max(oldLength, newLength);
  if (largest <= maxInputBytes) return undefined;
  const detail = `${largest} bytes, the VCDIFF encoder takes ${maxInputBytes} at most`;
  return { kind: 'skipped', reason: 'input-too-large', detail };
}

async function lengthOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size;
  } catch (cause) {
    throw new SlipwayError('io-error', `${file} cannot be read`, { cause });
  }
}
