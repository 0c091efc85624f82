/**
 * Deltas written by hand: the test says which part is made from which, so that each method and each kind of damage can
 * be had in a few bytes. Judges nothing; what it is told is what it writes.
 */
import * as zlib from 'node:zlib';
import { sha256 } from '../../contract/digest.ts';
import type { DeltaDirectory, DeltaPart } from '../../delta/directory.ts';
import { encodeApproximate } from '../../delta/make/approximate/encode.ts';
import { deltaHead, recipesSection } from '../../delta/make/write-delta.ts';
import { type Recipe, recipeText } from '../../delta/recipe/recipe.ts';
import { Seal } from '../../delta/seal.ts';
import { deflated, zstandard } from '../corpus/containers.ts';
import { sampleBytes } from '../corpus/flate/sample-bytes.ts';

export interface WrittenPart {
  readonly part: DeltaPart;
  readonly data: Uint8Array;
}

export interface DeltaText {
  readonly base: Uint8Array;
  readonly target: Uint8Array;
  readonly baseRecipe: Recipe;
  readonly targetRecipe: Recipe;
  readonly parts: readonly WrittenPart[];
}

/** The delta file. `change` forges its directory. */
export function writeDelta(text: DeltaText, change: (directory: DeltaDirectory) => DeltaDirectory = (d) => d): Buffer {
  const recipes = recipesSection({ base: recipeText(text.baseRecipe), target: recipeText(text.targetRecipe) });
  const directory = change({
    base: { length: text.base.length, sha256: sha256(text.base) },
    target: { length: text.target.length, sha256: sha256(text.target) },
    recipesLength: recipes.length,
    parts: text.parts.map(({ part }) => part),
  });
  return sealed([deltaHead(directory), recipes, ...text.parts.map(({ data }) => data)]);
}

/** The pieces of a delta, and the seal that belongs to them. */
export function sealed(pieces: readonly Uint8Array[]): Buffer {
  const seal = new Seal();
  for (const piece of pieces) seal.add(piece);
  return Buffer.concat([...pieces, seal.finish()]);
}

const nothing = new Uint8Array(0);
const proof = (bytes: Uint8Array) => ({ length: bytes.length, sha256: sha256(bytes) });

export const copied = (oldPart: number): WrittenPart => ({ part: { method: 'copy', oldPart }, data: nothing });

export function ranged(oldPart: number, old: Uint8Array, offset: number, length: number): WrittenPart {
  const part = { method: 'range', oldPart, offset, ...proof(old.subarray(offset, offset + length)) } as const;
  return { part, data: nothing };
}

export function patched(oldPart: number, old: Uint8Array, now: Uint8Array): WrittenPart {
  const data = encodeApproximate(old, now);
  return { part: { method: 'approximate', oldPart, dataLength: data.length, ...proof(now) }, data };
}

export function stored(now: Uint8Array): WrittenPart {
  return { part: { method: 'stored', dataLength: now.length, ...proof(now) }, data: now };
}

export function framed(now: Uint8Array): WrittenPart {
  const data = zlib.zstdCompressSync(now);
  return { part: { method: 'zstd', dataLength: data.length, ...proof(now) }, data };
}

/** A release of one program, patched, whose delta has one part. */
export function smallProgram(): DeltaText {
  const base = sampleBytes('records', 30_000, 7);
  const target = edited(base, 700);
  const whole = (bytes: Uint8Array): Recipe => ({ version: 1, nodes: [{ part: 0, length: bytes.length }] });
  return { base, target, baseRecipe: whole(base), targetRecipe: whole(target), parts: [patched(0, base, target)] };
}

const longWindow = { level: 3, windowLog: 20, longDistance: true, jobs: true, checksum: true, contentSize: true };
const settings = { encoder: 'libzstd' as const, version: process.versions.zstd ?? '', ...longWindow };
const goFlate = { encoder: 'go' as const, level: 6 };

/** `bytes` with something changed every `every` bytes and a little inserted. */
export function edited(bytes: Uint8Array, every: number): Uint8Array {
  const changed = Uint8Array.from(bytes);
  for (let at = 7; at < changed.length; at += every) changed[at] = ((changed[at] ?? 0) + 1) & 255;
  const middle = bytes.length >>> 1;
  return Buffer.concat([changed.subarray(0, middle), Buffer.from('inserted'), changed.subarray(middle)]);
}

/**
 * A k3s in small: a program with a zstd frame in its middle and a deflate stream behind it; parts that are copied,
 * patched, cut out, stored and framed.
 * @param scale the frame has about 6 times as many bytes
 */
export function smallRelease(scale = 3000): DeltaText {
  const programs = [1, 2, 3].map((seed) => sampleBytes('records', 2 * scale, seed));
  const [first, second, third] = programs as [Uint8Array, Uint8Array, Uint8Array];
  const text = sampleBytes('text', scale, 4);
  const head = sampleBytes('noise', 300, 5);
  const tail = sampleBytes('noise', 200, 6);
  const build = (parts: readonly [Uint8Array, Uint8Array, Uint8Array, Uint8Array], outer: Uint8Array) => {
    const frame = zstandard(Buffer.concat(parts.slice(0, 3)), {
      level: 3,
      windowLog: 20,
      longDistance: true,
      workers: 1,
    });
    const stream = deflated(parts[3], goFlate);
    const artifact = Buffer.concat([outer.subarray(0, 200), frame, stream, outer.subarray(200)]);
    const nodes = [
      { part: 0, length: 200 },
      {
        zstd: { ...settings, windowLog: windowLogOf(frame) },
        length: frame.length,
        nodes: [1, 2, 3].map((part) => ({ part, length: parts[part - 1]?.length ?? 0 })),
      },
      { deflate: goFlate, length: stream.length, nodes: [{ part: 4, length: parts[3].length }] },
      { part: 0, length: outer.length - 200 },
    ];
    return { artifact, recipe: { version: 1, nodes } as Recipe };
  };
  const outer = Buffer.concat([head, tail]);
  const before = build([first, second, third, text], outer);
  const newSecond = edited(second, 900);
  const newOuter = Buffer.from(edited(outer, 400));
  const newThird = third.subarray(100, third.length - 50);
  const after = build([first, newSecond, newThird, text], newOuter);
  return {
    base: before.artifact,
    target: after.artifact,
    baseRecipe: before.recipe,
    targetRecipe: after.recipe,
    parts: [
      patched(0, outer, newOuter),
      copied(1),
      patched(2, second, newSecond),
      ranged(3, third, 100, newThird.length),
      copied(4),
    ],
  };
}

/** Window of a frame as its header says it; of its content for a single segment (RFC 8878, 3.1.1.1). */
function windowLogOf(frame: Uint8Array): number {
  const isSingleSegment = ((frame[4] ?? 0) & 0x20) !== 0;
  return isSingleSegment ? settings.windowLog : 10 + ((frame[5] ?? 0) >>> 3);
}
