/** Writes approximate patches: what contract/delta/approximate/decode.ts reads. */
import { approximateHeaderBytes, approximateVersion } from '../../../contract/delta/approximate/decode.ts';
import { PatchModels, type Step } from '../../../contract/delta/approximate/patch-models.ts';
import { SlipwayError } from '../../../contract/errors.ts';
import { limits } from '../../../contract/limits.ts';
import { matchFiles } from './match.ts';
import { RangeEncoder } from './range-encoder.ts';

/**
 * The patch that turns `oldFile` into `newFile`; the same inputs always give the same bytes. Needs about 6 bytes of
 * memory a byte of `oldFile` beside the inputs.
 * @throws SlipwayError `component-too-large` when either file is beyond limits.maxApproximateBytes
 */
export function encodeApproximate(oldFile: Uint8Array, newFile: Uint8Array): Uint8Array {
  const longest = Math.max(oldFile.length, newFile.length);
  if (longest > limits.maxApproximateBytes) {
    throw new SlipwayError(
      'component-too-large',
      `a file of ${longest} bytes, more than the ${limits.maxApproximateBytes} that an approximate patch covers`,
    );
  }
  const header = new Uint8Array(approximateHeaderBytes);
  header[0] = approximateVersion;
  new DataView(header.buffer).setUint32(1, newFile.length, true);
  if (newFile.length === 0) return header;
  const coder = new RangeEncoder();
  writeSteps(new PatchModels(coder), oldFile, newFile, matchFiles(oldFile, newFile));
  const body = coder.finish();
  const patch = new Uint8Array(header.length + body.length);
  patch.set(header);
  patch.set(body, header.length);
  return patch;
}

function writeSteps(models: PatchModels, oldFile: Uint8Array, newFile: Uint8Array, steps: readonly Step[]): void {
  let oldAt = 0;
  let newAt = 0;
  for (const step of steps) {
    models.codeStep(step);
    oldAt += step.seek;
    writeAlike(models, oldFile, oldAt, newFile, newAt, step.alike);
    oldAt += step.alike;
    newAt += step.alike;
    for (const end = newAt + step.own; newAt < end; newAt++) models.codeOwn(newFile[newAt] as number);
  }
}

function writeAlike(
  models: PatchModels,
  oldFile: Uint8Array,
  oldAt: number,
  newFile: Uint8Array,
  newAt: number,
  length: number,
): void {
  for (let i = 0; i < length; i++) {
    const start = i;
    while (i < length && oldFile[oldAt + i] === newFile[newAt + i]) i++;
    models.codeRun(i - start);
    if (i < length) models.codeDifference(((newFile[newAt + i] as number) - (oldFile[oldAt + i] as number)) & 0xff);
  }
}
