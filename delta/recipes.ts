/**
 * Reads and writes the section of a delta with its two recipes, as opaque bytes: how the base is taken apart, how the
 * target is put together. The second is a patch of the first, since releases are built alike.
 */

import { SlipwayError } from '../contract/errors.ts';
import { limits } from '../contract/limits.ts';
import { approximateNewLength, decodeApproximate } from './approximate/decode.ts';
import { type ByteSource, memorySource } from './byte-source.ts';
import type { DeltaLayout } from './format.ts';
import { sliceSource } from './slice-source.ts';

export interface RecipeTexts {
  readonly base: Uint8Array;
  readonly target: Uint8Array;
}

/** Bytes before the two patches: the length of the first. */
export const recipesHeaderBytes = 4;

/**
 * Reads the recipes of a delta.
 * @throws SlipwayError `delta-malformed`, `delta-truncated` or `delta-out-of-bounds`
 */
export function readRecipes(delta: ByteSource, layout: DeltaLayout): RecipeTexts {
  const { offset, length } = layout.recipes;
  if (length < recipesHeaderBytes) throw new SlipwayError('delta-malformed', `expected recipes, found ${length} bytes`);
  const header = new Uint8Array(recipesHeaderBytes);
  delta.readInto(header, offset);
  const baseLength = new DataView(header.buffer).getUint32(0, true);
  const targetLength = length - recipesHeaderBytes - baseLength;
  if (targetLength < 0) {
    throw new SlipwayError('delta-malformed', `a recipe of ${baseLength} bytes in a section of ${length}`);
  }
  const basePatch = sliceSource(delta, offset + recipesHeaderBytes, baseLength);
  const targetPatch = sliceSource(delta, offset + recipesHeaderBytes + baseLength, targetLength);
  const base = decodeText(new Uint8Array(0), basePatch);
  return { base, target: decodeText(base, targetPatch) };
}

function decodeText(old: Uint8Array, patch: ByteSource): Uint8Array {
  const length = approximateNewLength(patch);
  if (length > limits.maxRecipeBytes) {
    throw new SlipwayError('delta-malformed', `a recipe of ${length} bytes, more than ${limits.maxRecipeBytes}`);
  }
  const text = new Uint8Array(length);
  let filled = 0;
  decodeApproximate(memorySource(old), patch, {
    write(chunk) {
      text.set(chunk, filled);
      filled += chunk.length;
    },
  });
  return text;
}
