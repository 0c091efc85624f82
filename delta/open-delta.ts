/**
 * Reads everything of a delta but the bytes of its parts, checks that directory and recipes fit together, and says what
 * a machine needs to apply it: the figures by which a device decides before it begins.
 */

import { SlipwayError } from '../contract/errors.ts';
import { limits } from '../contract/limits.ts';
import type { DeltaNeeds } from '../contract/release/delta-needs.ts';
import type { ByteSource } from './byte-source.ts';
import type { DeltaPart, FramedPart, GoPart, PartMethod, PatchedPart } from './directory.ts';
import { type DeltaLayout, readDelta } from './format.ts';
import { predictionLimit } from './go/build-prediction.ts';
import {
  nodesLength,
  parseRecipe,
  partLengths,
  type Recipe,
  type RecipeNode,
  zstdSettingsOf,
} from './recipe/recipe.ts';
import { zstdMemoryBytes } from './recipe/zstd-memory.ts';
import { readRecipes } from './recipes.ts';
import { checkSeal } from './seal.ts';

export interface OpenDelta {
  readonly layout: DeltaLayout;
  readonly base: Recipe;
  readonly target: Recipe;
  /** Of the old parts, and of the new. */
  readonly oldLengths: readonly number[];
  readonly newLengths: readonly number[];
  /** Old parts that are asked for and lie inside compressed streams: these are taken out first. */
  readonly takenOut: ReadonlySet<number>;
  readonly needs: DeltaNeeds;
}

/**
 * @param delta the whole file: FORMAT.md describes it; its seal is compared, so all of it is read
 * @throws SlipwayError when it cannot be applied to anything: `delta-malformed`, `delta-truncated`,
 *   `delta-version-unknown`, `delta-out-of-bounds`, `recipe-malformed`, `recipe-limit-exceeded`; what the source throws
 */
export function openDelta(delta: ByteSource): OpenDelta {
  const layout = readDelta(delta);
  checkSeal(delta);
  const texts = readRecipes(delta, layout);
  const base = parseRecipe(texts.base);
  const target = parseRecipe(texts.target);
  const oldLengths = partLengths(base);
  const newLengths = partLengths(target);
  expectLength('base', layout.base.length, base);
  expectLength('target', layout.target.length, target);
  refuseBombs(base.nodes);
  refuseBombs(target.nodes);
  if (newLengths.length !== layout.parts.length) {
    throw malformed(`${layout.parts.length} parts and a recipe of ${newLengths.length}`);
  }
  for (const [i, part] of layout.parts.entries()) expectPart(i, part, oldLengths, newLengths[i] ?? 0);
  const takenOut = partsToTakeOut(layout, base);
  return {
    layout,
    base,
    target,
    oldLengths,
    newLengths,
    takenOut,
    needs: needsOf(layout, target, oldLengths, takenOut),
  };
}

/** True when the target is one part and nothing else: it can be written as it is decoded. */
export function isOnePart(target: Recipe): boolean {
  return target.nodes.length === 1 && target.nodes[0] !== undefined && 'part' in target.nodes[0];
}

/** True when nothing of the target is compressed again. */
export function isPartsOnly(target: Recipe): boolean {
  return target.nodes.every((node) => 'part' in node);
}

/** A part whose bytes come out of a decoder. */
type DecodedPart = PatchedPart | GoPart | FramedPart;

const decodedMethods: Record<DecodedPart['method'], true> & Record<Exclude<PartMethod, DecodedPart['method']>, false> =
  {
    approximate: true,
    vcdiff: true,
    zstdPatch: true,
    go: true,
    zstd: true,
    copy: false,
    range: false,
    stored: false,
  };

/** False for a part that is bytes of the base or of the delta, and needs none of its own on the disk. */
export function isDecoded(part: DeltaPart): part is DecodedPart {
  return decodedMethods[part.method];
}

/** What unpacks to thousands of times its length is a decompression bomb. */
function refuseBombs(nodes: readonly RecipeNode[]): void {
  for (const node of nodes) {
    if ('part' in node) continue;
    const content = nodesLength(node.nodes);
    if (content > node.length * limits.maxExpansion) {
      const most = node.length * limits.maxExpansion;
      const message = `expected at most ${most} bytes in a stream of ${node.length}, found ${content}`;
      throw new SlipwayError('recipe-limit-exceeded', message);
    }
    refuseBombs(node.nodes);
  }
}

function expectLength(what: string, length: number, recipe: Recipe): void {
  const found = nodesLength(recipe.nodes);
  if (found !== length) throw malformed(`a ${what} of ${length} bytes with a recipe of ${found}`);
}

function expectPart(index: number, part: DeltaPart, oldLengths: readonly number[], newLength: number): void {
  let length = 'length' in part ? part.length : 0;
  if ('oldPart' in part) {
    const old = oldLengths[part.oldPart];
    if (old === undefined) throw malformed(`part ${index} made from old part ${part.oldPart} of ${oldLengths.length}`);
    if (part.method === 'copy') length = old;
    if (part.method === 'range' && part.offset + part.length > old) {
      const message = `part ${index} is bytes ${part.offset} to ${part.offset + part.length} of ${old}`;
      throw new SlipwayError('delta-out-of-bounds', message);
    }
  }
  if (length !== newLength) throw malformed(`part ${index} of ${length} bytes, the recipe takes ${newLength}`);
}

/** Whether a part lies in a compressed stream is the same for the whole of it: its first piece tells. */
function partsToTakeOut(layout: DeltaLayout, base: Recipe): Set<number> {
  const wanted = new Set(layout.parts.flatMap((part) => ('oldPart' in part ? [part.oldPart] : [])));
  const inside = new Set<number>();
  const visit = (nodes: readonly RecipeNode[], depth: number) => {
    for (const node of nodes) {
      if (!('part' in node)) visit(node.nodes, depth + 1);
      else if (depth > 0 && wanted.has(node.part)) inside.add(node.part);
    }
  };
  visit(base.nodes, 0);
  return inside;
}

function needsOf(
  layout: DeltaLayout,
  target: Recipe,
  oldLengths: readonly number[],
  takenOut: ReadonlySet<number>,
): DeltaNeeds {
  let scratchBytes = 0;
  for (const index of takenOut) scratchBytes += oldLengths[index] ?? 0;
  let largestPrediction = 0;
  for (const part of layout.parts) {
    if (!isDecoded(part)) continue;
    if (!isOnePart(target)) scratchBytes += part.length;
    if (part.method !== 'go') continue;
    const room = Math.min(part.length * 2, predictionLimit(oldLengths[part.oldPart] ?? 0));
    largestPrediction = Math.max(largestPrediction, room);
  }
  scratchBytes += largestPrediction;
  const zstd = zstdNeeds(target.nodes);
  return zstd === undefined ? { scratchBytes } : { zstd, scratchBytes };
}

/** Frames one after the other need the memory of the largest, frames inside one another that of all. */
function zstdNeeds(nodes: readonly RecipeNode[]): DeltaNeeds['zstd'] {
  let needs: DeltaNeeds['zstd'];
  for (const node of nodes) {
    if ('part' in node) continue;
    const inner = zstdNeeds(node.nodes);
    let found = inner;
    const zstd = zstdSettingsOf(node);
    if (zstd !== undefined) {
      found = {
        versions: [...new Set([zstd.version, ...(inner?.versions ?? [])])],
        memoryBytes: zstdMemoryBytes(zstd) + (inner?.memoryBytes ?? 0),
        contentBytes: nodesLength(node.nodes) + (inner?.contentBytes ?? 0),
      };
    }
    if (found === undefined) continue;
    needs = {
      versions: [...new Set([...(needs?.versions ?? []), ...found.versions])],
      memoryBytes: Math.max(needs?.memoryBytes ?? 0, found.memoryBytes),
      contentBytes: (needs?.contentBytes ?? 0) + found.contentBytes,
    };
  }
  return needs;
}

function malformed(found: string): SlipwayError {
  return new SlipwayError('delta-malformed', `expected a delta whose parts fit its recipes, found ${found}`);
}
