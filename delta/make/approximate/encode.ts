/** Writes approximate patches, which delta/approximate/decode.ts reads. */

import { SlipwayError } from '../../../contract/errors.ts';
import { limits } from '../../../contract/limits.ts';
import { elfMachine } from '../../../contract/release/platform.ts';
import { ContentModels, chunkBytes } from '../../approximate/content-models.ts';
import { approximateHeaderBytes, approximateVersion } from '../../approximate/decode.ts';
import { codeFamily, type ReferenceFamily, referenceFamilies } from '../../approximate/reference-family.ts';
import { codeSteps, ownLength, type Steps, stepFields } from '../../approximate/step.ts';
import { codeTableBits, tableBitsFor } from '../../approximate/table-bits.ts';
import { elfMachineOf, imageBase } from './image-base.ts';
import { matchFiles } from './match.ts';
import { RangeEncoder } from './range-encoder.ts';

/** Of larger files a sample is coded to choose a family: one chunk in `sampledChunks`. */
const completelyTriedBytes = 512 * 1024;
const sampledChunks = 8;
/** A sample that takes fewer bytes says too little. */
const tellingBytes = 4096;

/**
 * The patch that turns `oldFile` into `newFile`; the same inputs always give the same bytes. Needs about 6 bytes of
 * memory a byte of `oldFile` beside the inputs.
 * @throws SlipwayError `component-too-large` when either file is beyond limits.maxApproximateBytes
 */
export function encodeApproximate(oldFile: Uint8Array, newFile: Uint8Array): Uint8Array {
  return encodeApproximateWithin(oldFile, newFile, newFile.length) as Uint8Array;
}

/** Few bytes differ from a prediction: clearing larger tables takes longer than they are worth in bytes. */
const predictedTableBits = 16;

/** As encodeApproximate, for an old file in which references are as in the new one: none are predicted. */
export function encodePredicted(prediction: Uint8Array, newFile: Uint8Array): Uint8Array {
  const shape = { families: [referenceFamilies.none], tableBits: tableBitsFor(newFile.length, predictedTableBits) };
  return encodeApproximateWithin(prediction, newFile, newFile.length, shape) as Uint8Array;
}

/**
 * Chooses which references to predict (those that make the smallest patch, the first if equal) and how large tables
 * are.
 */
interface PatchShape {
  readonly families: readonly ReferenceFamily[];
  readonly tableBits: number;
}

/**
 * As encodeApproximate, or undefined when more than `maxOwnBytes` of the new file have no likeness in the old one. A
 * device decodes about a megabyte of such bytes a second, far fewer than of a zstd frame.
 */
export function encodeApproximateWithin(
  oldFile: Uint8Array,
  newFile: Uint8Array,
  maxOwnBytes: number,
  shape: PatchShape = { families: familiesOf(oldFile), tableBits: tableBitsFor(newFile.length) },
): Uint8Array | undefined {
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
  const steps = matchFiles(oldFile, newFile);
  const own = ownLength(steps);
  if (own > maxOwnBytes) return undefined;
  const family = chooseFamily(oldFile, newFile, steps, shape);
  const coder = new RangeEncoder();
  writeBody(coder, oldFile, newFile, steps, family, shape.tableBits);
  const body = coder.finish();
  const patch = new Uint8Array(header.length + body.length);
  patch.set(header);
  patch.set(body, header.length);
  return patch;
}

function familiesOf(oldFile: Uint8Array): ReferenceFamily[] {
  const { none, x86, arm64 } = referenceFamilies;
  return [none, elfMachineOf(oldFile) === elfMachine['linux/arm64'] ? arm64 : x86];
}

/** Whose references are worth predicting: decided on a sample of the content, coded with each. */
function chooseFamily(
  oldFile: Uint8Array,
  newFile: Uint8Array,
  steps: Steps,
  { families, tableBits }: PatchShape,
): ReferenceFamily {
  const [first = referenceFamilies.none, ...others] = families;
  // Where most bytes are new there are few references to predict.
  if (others.length === 0 || ownLength(steps) * 2 > newFile.length) return first;
  const lengthsBy = (oneIn: number) =>
    families.map((family) => {
      const coder = new RangeEncoder();
      codeContent(coder, oldFile, newFile, steps, family, tableBits, oneIn);
      return coder.finish().length;
    });
  const sampled = newFile.length > completelyTriedBytes ? lengthsBy(sampledChunks) : [];
  const lengths = Math.min(...sampled) < tellingBytes || sampled.length === 0 ? lengthsBy(1) : sampled;
  return families[lengths.indexOf(Math.min(...lengths))] ?? first;
}

/** @param family which references are predicted to move with their targets */
function writeBody(
  coder: RangeEncoder,
  oldFile: Uint8Array,
  newFile: Uint8Array,
  steps: Steps,
  family: ReferenceFamily,
  tableBits: number,
): void {
  codeTableBits(coder, tableBits);
  codeFamily(coder, family);
  if (family !== referenceFamilies.none) coder.plainBits(imageBase(oldFile), 32);
  codeSteps(coder, steps);
  codeContent(coder, oldFile, newFile, steps, family, tableBits, 1);
}

/**
 * @param oneIn codes what lies in the first of this number of chunks of the new file, over and over; 1 for all of it
 */
function codeContent(
  coder: RangeEncoder,
  oldFile: Uint8Array,
  newFile: Uint8Array,
  steps: Steps,
  family: ReferenceFamily,
  tableBits: number,
  oneIn: number,
): void {
  const addressBase = family === referenceFamilies.none ? 0 : imageBase(oldFile);
  const models = new ContentModels(coder, steps, { oldLength: oldFile.length, addressBase, family, tableBits });
  const isCoded = (newAt: number) => Math.floor(newAt / chunkBytes) % oneIn === 0;
  let oldAt = 0;
  let newAt = 0;
  for (let i = 0; i < steps.length; i += stepFields) {
    oldAt += steps[i] as number;
    for (let left = steps[i + 1] as number; left > 0; ) {
      const length = Math.min(left, chunkBytes);
      if (isCoded(newAt)) {
        models.oldChunk(length).set(oldFile.subarray(oldAt, oldAt + length));
        models.codeAlike(length, oldAt, newAt, newFile.subarray(newAt, newAt + length));
      }
      oldAt += length;
      newAt += length;
      left -= length;
    }
    const end = newAt + (steps[i + 2] as number);
    if (!isCoded(newAt)) newAt = end;
    while (newAt < end) {
      const length = Math.min(end - newAt, chunkBytes);
      models.codeOwn(length, newFile.subarray(newAt, newAt + length));
      newAt += length;
    }
  }
}
