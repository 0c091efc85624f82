/**
 * Reads and writes the file of a Slipway delta: which parts of the base a new artifact is made from, and by which
 * method. FORMAT.md describes it byte by byte. It knows nothing of what a recipe means, and leaves decoding a part to
 * decode-part.ts.
 */

import { SlipwayError } from '../contract/errors.ts';
import { limits } from '../contract/limits.ts';
import { RangeDecoder } from './approximate/range-decoder.ts';
import { type ByteSource, memorySource } from './byte-source.ts';
import { codeDirectory, type DeltaDirectory, malformed, sectionLength } from './directory.ts';
import { sealBytes } from './seal.ts';

/** ASCII `SLWDELTA`. */
export const deltaMagic: Uint8Array = new TextEncoder().encode('SLWDELTA');
export const deltaVersion = 1;
/** Magic, version, length of the directory. */
export const deltaPreludeBytes = 8 + 1 + 4;

/** Where the bytes of a section lie in the delta. */
export interface DeltaSection {
  readonly offset: number;
  readonly length: number;
}

export interface DeltaLayout extends DeltaDirectory {
  readonly recipes: DeltaSection;
  /** One section a part, in order; empty for a part without bytes. */
  readonly sections: readonly DeltaSection[];
}

/**
 * Reads the directory of a delta and checks that its sections fill the file exactly; the seal is not compared.
 * @throws SlipwayError `delta-malformed`, `delta-truncated` or `delta-version-unknown`
 */
export function readDelta(delta: ByteSource): DeltaLayout {
  const prelude = new Uint8Array(Math.min(deltaPreludeBytes, delta.length));
  delta.readInto(prelude, 0);
  if (deltaMagic.some((byte, i) => i < prelude.length && byte !== prelude[i])) {
    throw new SlipwayError('delta-malformed', 'expected a Slipway delta, found another magic');
  }
  if (prelude.length < deltaPreludeBytes) throw truncated(deltaPreludeBytes, delta.length);
  const version = prelude[deltaMagic.length] as number;
  if (version !== deltaVersion) {
    throw new SlipwayError('delta-version-unknown', `expected version ${deltaVersion}, found ${version}`, {
      hint: 'Update the edge-updater, or use a full download.',
    });
  }
  const directoryLength = new DataView(prelude.buffer).getUint32(deltaMagic.length + 1, true);
  if (directoryLength > limits.maxDeltaDirectoryBytes) {
    throw malformed(`a directory of ${directoryLength} bytes, more than ${limits.maxDeltaDirectoryBytes}`);
  }
  const recipesOffset = deltaPreludeBytes + directoryLength;
  if (recipesOffset > delta.length) throw truncated(recipesOffset, delta.length);
  const bytes = new Uint8Array(directoryLength);
  delta.readInto(bytes, deltaPreludeBytes);
  const coder = new RangeDecoder(memorySource(bytes), 0);
  const directory = codeDirectory(coder, undefined);
  coder.finish();
  return layOut(directory, recipesOffset, delta.length);
}

function layOut(directory: DeltaDirectory, recipesOffset: number, deltaLength: number): DeltaLayout {
  let offset = recipesOffset + directory.recipesLength;
  const sections = directory.parts.map((part) => {
    const section = { offset, length: sectionLength(part) };
    offset += section.length;
    return section;
  });
  const end = offset + sealBytes;
  if (end > deltaLength) throw truncated(end, deltaLength);
  if (end < deltaLength) throw malformed(`${deltaLength - end} bytes behind the seal`);
  return { ...directory, recipes: { offset: recipesOffset, length: directory.recipesLength }, sections };
}

function truncated(expected: number, found: number): SlipwayError {
  return new SlipwayError('delta-truncated', `expected a delta of ${expected} bytes at least, found ${found}`);
}
