/**
 * Rebuilds a file from an old one and an approximate patch, in one pass of the patch with positioned reads of the old
 * file. Memory does not depend on either file. Refuses to judge the result: callers compare its digest.
 */
import type { ByteSink } from '../../byte-sink.ts';
import { type ByteSource, memorySource } from '../../byte-source.ts';
import { SlipwayError } from '../../errors.ts';
import { limits } from '../../limits.ts';
import { PatchModels, type Step } from './patch-models.ts';
import { RangeDecoder } from './range-decoder.ts';

export const approximateVersion = 1;
/** Version, then the length of the new file as an unsigned 32-bit little-endian number. */
export const approximateHeaderBytes = 5;

const outputBytes = 64 * 1024;
const noStep: Step = { seek: 0, alike: 0, own: 0 };

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
 * @throws SlipwayError `delta-truncated`, `delta-malformed` or `delta-out-of-bounds`; bytes may have been written by then
 */
export function decodeApproximate(old: ByteSource, patch: Uint8Array | ByteSource, sink: ByteSink): number {
  const source = patch instanceof Uint8Array ? memorySource(patch) : patch;
  const newLength = approximateNewLength(source);
  if (newLength === 0) {
    if (source.length === approximateHeaderBytes) return 0;
    throw new SlipwayError('delta-malformed', 'the patch of an empty file has bytes behind its header');
  }
  const coder = new RangeDecoder(source, approximateHeaderBytes);
  const models = new PatchModels(coder);
  const output = new Uint8Array(Math.min(outputBytes, newLength));
  let oldPosition = 0;
  let left = newLength;
  while (left > 0) {
    const step = models.codeStep(noStep);
    checkStep(step, oldPosition, old.length, left);
    oldPosition += step.seek;
    decodeAlike(models, old, oldPosition, step.alike, output, sink);
    decodeOwn(models, step.own, output, sink);
    oldPosition += step.alike;
    left -= step.alike + step.own;
  }
  coder.finish();
  return newLength;
}

/** Every forged length and position ends here. */
function checkStep(step: Step, oldPosition: number, oldLength: number, left: number): void {
  const start = oldPosition + step.seek;
  if (step.alike + step.own > left || step.alike + step.own === 0) {
    throw new SlipwayError(
      'delta-malformed',
      `a step of ${step.alike} + ${step.own} bytes where 1 to ${left} bytes of the new file are left`,
    );
  }
  if (start < 0 || start + step.alike > oldLength) {
    throw new SlipwayError(
      'delta-out-of-bounds',
      `bytes ${start} to ${start + step.alike} of an old file of ${oldLength} bytes`,
    );
  }
}

function decodeAlike(
  models: PatchModels,
  old: ByteSource,
  start: number,
  length: number,
  output: Uint8Array,
  sink: ByteSink,
): void {
  let run = length > 0 ? models.codeRun(0) : 0;
  for (let done = 0; done < length; ) {
    const chunk = output.subarray(0, Math.min(output.length, length - done));
    old.readInto(chunk, start + done);
    let at = run;
    while (at < chunk.length) {
      chunk[at] = (chunk[at] as number) + models.codeDifference(0);
      at++;
      run = done + at < length ? models.codeRun(0) : 0;
      at += run;
    }
    run = at - chunk.length;
    done += chunk.length;
    if (run > length - done) {
      throw new SlipwayError('delta-malformed', `${run} equal bytes where ${length - done} are left in the step`);
    }
    sink.write(chunk);
  }
}

function decodeOwn(models: PatchModels, length: number, output: Uint8Array, sink: ByteSink): void {
  for (let done = 0; done < length; ) {
    const chunk = output.subarray(0, Math.min(output.length, length - done));
    for (let i = 0; i < chunk.length; i++) chunk[i] = models.codeOwn(0);
    done += chunk.length;
    sink.write(chunk);
  }
}
