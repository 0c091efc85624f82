/** Writes approximate patches: what contract/delta/approximate/decode.ts reads. */
import { AlikeModel, chunkBytes } from '../../../contract/delta/approximate/alike-model.ts';
import type { BitCoder } from '../../../contract/delta/approximate/bit-coder.ts';
import { codePlainBits } from '../../../contract/delta/approximate/bit-coder.ts';
import { approximateHeaderBytes, approximateVersion } from '../../../contract/delta/approximate/decode.ts';
import { MovedReferences } from '../../../contract/delta/approximate/moved-references.ts';
import { OwnModel } from '../../../contract/delta/approximate/own-model.ts';
import {
  codeFamily,
  type ReferenceFamily,
  referenceFamilies,
} from '../../../contract/delta/approximate/reference-family.ts';
import { codeSteps, ownLength, type Steps, stepFields } from '../../../contract/delta/approximate/step.ts';
import { codeTableBits, tableBitsFor } from '../../../contract/delta/approximate/table-bits.ts';
import { SlipwayError } from '../../../contract/errors.ts';
import { limits } from '../../../contract/limits.ts';
import { elfMachine } from '../../../contract/release/platform.ts';
import { elfMachineOf, imageBase } from './image-base.ts';
import { matchFiles } from './match.ts';
import { RangeEncoder } from './range-encoder.ts';

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

/** As encodeApproximate, for an old file in which references are as in the new one: none are foretold. */
export function encodePredicted(prediction: Uint8Array, newFile: Uint8Array): Uint8Array {
  const shape = { families: [referenceFamilies.none], tableBits: tableBitsFor(newFile.length, predictedTableBits) };
  return encodeApproximateWithin(prediction, newFile, newFile.length, shape) as Uint8Array;
}

/** Which references to foretell, of several those that make the smallest patch; and how large tables are. */
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
  // Where most bytes are new there are few references to foretell.
  const trials = own * 2 > newFile.length ? [referenceFamilies.none] : shape.families;
  const bodies = trials.map((family) => {
    const coder = new RangeEncoder();
    writeBody(coder, oldFile, newFile, steps, family, shape.tableBits);
    return coder.finish();
  });
  const body = bodies.reduce((least, other) => (other.length < least.length ? other : least));
  const patch = new Uint8Array(header.length + body.length);
  patch.set(header);
  patch.set(body, header.length);
  return patch;
}

function familiesOf(oldFile: Uint8Array): ReferenceFamily[] {
  const { none, x86, arm64 } = referenceFamilies;
  return [none, elfMachineOf(oldFile) === elfMachine['linux/arm64'] ? arm64 : x86];
}

/** @param family which references are foretold to move with their targets */
function writeBody(
  coder: BitCoder,
  oldFile: Uint8Array,
  newFile: Uint8Array,
  steps: Steps,
  family: ReferenceFamily,
  tableBits: number,
): void {
  codeTableBits(coder, tableBits);
  codeFamily(coder, family);
  const addressBase = family === referenceFamilies.none ? 0 : codePlainBits(coder, imageBase(oldFile), 32);
  codeSteps(coder, steps);
  const references = new MovedReferences(oldFile.length, addressBase, steps, family);
  const alikeModel = new AlikeModel(coder, references, tableBits);
  const ownModel = new OwnModel(coder, ownLength(steps));
  const rebuilt = new Uint8Array(chunkBytes);
  let oldAt = 0;
  let newAt = 0;
  for (let i = 0; i < steps.length; i += stepFields) {
    oldAt += steps[i] as number;
    for (let left = steps[i + 1] as number; left > 0; ) {
      const length = Math.min(left, chunkBytes);
      const actual = newFile.subarray(newAt, newAt + length);
      const from = oldFile.subarray(oldAt, oldAt + length);
      alikeModel.codeChunk(from, rebuilt.subarray(0, length), actual, oldAt, newAt);
      ownModel.follow(actual);
      oldAt += length;
      newAt += length;
      left -= length;
    }
    for (const end = newAt + (steps[i + 2] as number); newAt < end; newAt++) ownModel.code(newFile[newAt] as number);
  }
}
