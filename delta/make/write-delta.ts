/** Puts a Slipway delta together, as delta/format.ts reads it. It does not choose methods. */

import { SlipwayError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import { codeDirectory, type DeltaDirectory, sectionLength } from '../directory.ts';
import { deltaMagic, deltaPreludeBytes, deltaVersion } from '../format.ts';
import { type RecipeTexts, recipesHeaderBytes } from '../recipes.ts';
import { sealBytes } from '../seal.ts';
import { encodeApproximate } from './approximate/encode.ts';
import { RangeEncoder } from './approximate/range-encoder.ts';

/**
 * What precedes the recipes: magic, version, directory. The recipes follow, then the bytes of each part in order, then
 * the seal.
 */
export function deltaHead(directory: DeltaDirectory): Uint8Array {
  const coder = new RangeEncoder();
  codeDirectory(coder, directory);
  const coded = coder.finish();
  if (coded.length > limits.maxDeltaDirectoryBytes) {
    throw new SlipwayError(
      'component-too-large',
      `${directory.parts.length} parts need a directory of ${coded.length} bytes, more than ${limits.maxDeltaDirectoryBytes}`,
    );
  }
  const head = new Uint8Array(deltaPreludeBytes + coded.length);
  head.set(deltaMagic);
  head[deltaMagic.length] = deltaVersion;
  new DataView(head.buffer).setUint32(deltaMagic.length + 1, coded.length, true);
  head.set(coded, deltaPreludeBytes);
  return head;
}

/** The section with both recipes; its length goes into the directory. */
export function recipesSection(recipes: RecipeTexts): Uint8Array {
  const base = encodeApproximate(new Uint8Array(0), recipes.base);
  const target = encodeApproximate(recipes.base, recipes.target);
  const section = new Uint8Array(recipesHeaderBytes + base.length + target.length);
  new DataView(section.buffer).setUint32(0, base.length, true);
  section.set(base, recipesHeaderBytes);
  section.set(target, recipesHeaderBytes + base.length);
  return section;
}

/** Total length of a delta with this directory, the head included. */
export function deltaLength(directory: DeltaDirectory, head: Uint8Array): number {
  return directory.parts.reduce(
    (sum, part) => sum + sectionLength(part),
    head.length + directory.recipesLength + sealBytes,
  );
}
