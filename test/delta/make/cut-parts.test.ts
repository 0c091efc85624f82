import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { digestOf } from '../../../delta/chunks.ts';
import { cutLongParts } from '../../../delta/make/cut-parts.ts';
import { cutLengths } from '../../../delta/make/cut-points.ts';
import { FileRange, openFileSource } from '../../../delta/make/file-source.ts';
import type { OpenedArtifact } from '../../../delta/make/open/open-artifact.ts';
import { parseRecipe, partLengths, type RecipeNode, recipeText } from '../../../delta/recipe/recipe.ts';
import { noise, seededNumbers } from '../vcdiff/file-pair.ts';
import { deltaBetween, ownEncoders } from './delta-bench.ts';

const sizes = { minBytes: 1000, maxBytes: 5000, bits: 11 };
const chunked = (bytes: Buffer) => ({
  *chunks(length = bytes.length) {
    for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
  },
});

/** Incompressible, and the same in every run: where content is cut decides what these tests see. */
const base = noise(200_000, seededNumbers(1));

/** An artifact of one file with these nodes and parts cut out of it one after the other. */
function artifactOf(bytes: Buffer, lengths: readonly number[], nodes: RecipeNode[]): OpenedArtifact {
  const folder = mkdtempSync(path.join(tmpdir(), 'slipway-cut-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(path.join(folder, 'file'), bytes);
  const whole = new FileRange(openFileSource(path.join(folder, 'file')));
  let offset = 0;
  const parts = lengths.map((length, index) => {
    const range = whole.slice(offset, offset + length);
    offset += length;
    return { index, label: `file/${index}`, length, sha256: digestOf(range), range };
  });
  return {
    parts,
    recipe: { version: 1, nodes },
    unopened: [],
    frames: [],
    [Symbol.dispose]: () => whole.file[Symbol.dispose](),
  };
}

describe('the cuts of a long part', () => {
  it('keep to the sizes, give all bytes, and are the same however the bytes come', () => {
    const lengths = cutLengths(chunked(base), sizes);
    expect(lengths.reduce((sum, length) => sum + length, 0)).toBe(base.length);
    for (const length of lengths.slice(0, -1)) {
      expect(length).toBeGreaterThanOrEqual(sizes.minBytes);
      expect(length).toBeLessThanOrEqual(sizes.maxBytes);
    }
    expect(lengths.length).toBeGreaterThan(40);
    for (const size of [1, 7, 999, 4096]) {
      expect(cutLengths({ chunks: () => chunked(base).chunks(size) }, sizes), `${size}`).toEqual(lengths);
    }
    expect(cutLengths(chunked(Buffer.alloc(12_000)), sizes)).toEqual([5000, 5000, 2000]);
    expect(cutLengths(chunked(Buffer.alloc(0)), sizes)).toEqual([]);
  });

  it('move only around bytes that come in', () => {
    const longer = Buffer.concat([base.subarray(0, 50_000), Buffer.from('new'), base.subarray(50_000)]);
    const digests = (bytes: Buffer) => {
      let at = 0;
      return cutLengths(chunked(bytes), sizes).map((length) => {
        at += length;
        return bytes.subarray(at - length, at).toString('latin1');
      });
    };
    const before = new Set(digests(base));
    expect(digests(longer).filter((piece) => !before.has(piece)).length).toBeLessThan(6);
  });
});

describe('long parts', () => {
  it('stay as they are where none is too long for an encoder', () => {
    const pair = { old: artifactOf(base, [200_000], [{ part: 0, length: 200_000 }]), new: artifactOf(base, [], []) };
    expect(cutLongParts(pair, 200_000, sizes)).toBe(pair);
  });

  it('become pieces that a recipe numbers in order of use, also around others and inside streams', () => {
    // Part 0 lies around a stream that holds part 1 and then the rest of part 2.
    const nodes: RecipeNode[] = [
      { part: 0, length: 7_000 },
      { deflate: { encoder: 'go', level: 6 }, length: 900, nodes: [{ part: 1, length: 900 }] },
      { part: 2, length: 20_000 },
      { part: 0, length: 13_000 },
    ];
    const artifact = artifactOf(base, [20_000, 900, 20_000], nodes);
    const { new: cut, old } = cutLongParts({ old: artifact, new: artifact }, 6000, sizes);
    expect(old.parts.map(({ sha256 }) => sha256)).toEqual(cut.parts.map(({ sha256 }) => sha256));
    const recipe = parseRecipe(Buffer.from(recipeText(cut.recipe)));
    expect(partLengths(recipe)).toEqual(cut.parts.map(({ length }) => length));
    expect(cut.parts.map(({ index }) => index)).toEqual([...cut.parts.keys()]);
    expect(Math.max(...cut.parts.map(({ length }) => length))).toBeLessThanOrEqual(5000);
    const bytesOf = (label: string) =>
      Buffer.concat(
        cut.parts.flatMap(({ piece, range, label: own }) =>
          (piece?.of ?? own) === label ? [range.read(0, range.length)] : [],
        ),
      );
    expect(bytesOf('file/0').equals(base.subarray(0, 20_000))).toBe(true);
    expect(bytesOf('file/1').equals(base.subarray(20_000, 20_900))).toBe(true);
    expect(bytesOf('file/2').equals(base.subarray(20_900, 40_900))).toBe(true);
  });

  it('that no encoder has memory for move what changed in them, also behind bytes that came in', {
    timeout: 180_000,
  }, async () => {
    const old = noise(40 * 2 ** 20, seededNumbers(5));
    // Cut after 6.4, 12.2, 16.5, 21.7 and 26.6 MB: both edits are in short pieces, which are encoded soon.
    const changed = Buffer.from(old);
    changed.fill(7, 24_000_000, 24_000_007);
    const new_ = Buffer.concat([
      changed.subarray(0, 14_000_000),
      Buffer.from('some more'),
      changed.subarray(14_000_000),
    ]);
    const encoders = { ...ownEncoders, maxMemoryBytes: 600 * 2 ** 20 };
    const made = await deltaBetween(old, new_, { encoders });
    expect(made.applied.equals(new_)).toBe(true);
    expect(made.length).toBeLessThan(20_000);
    expect(made.strategy).toBe('whole');
    expect(new Set(made.parts.map(({ method }) => method))).toEqual(new Set(['copy', 'approximate']));
  });
});
