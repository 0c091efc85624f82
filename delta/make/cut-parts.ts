/**
 * Cuts parts that no encoder takes whole into pieces that are parts of their own: a device reads them like any others.
 * Both artifacts of a pair are cut alike, so that pieces that did not change are the same bytes in both.
 */
import { digestOf } from '../chunks.ts';
import type { RecipeNode } from '../recipe/recipe.ts';
import { cutLengths, type PieceSizes, pieceSizes } from './cut-points.ts';
import type { OpenedArtifact } from './open/open-artifact.ts';
import type { OpenedPart } from './open/parts.ts';

interface SourcePair {
  readonly old: OpenedArtifact;
  readonly new: OpenedArtifact;
}

/**
 * The pair as it is when no part of either is longer than `longBytes`; else with every part above the largest piece
 * cut. The caller that opened what it was given disposes of it.
 */
export function cutLongParts(pair: SourcePair, longBytes: number, sizes: PieceSizes = pieceSizes): SourcePair {
  const parts = [...pair.old.parts, ...pair.new.parts];
  if (!parts.some(({ length }) => length > Math.max(longBytes, sizes.maxBytes))) return pair;
  return { old: cut(pair.old, sizes), new: cut(pair.new, sizes) };
}

function cut(artifact: OpenedArtifact, sizes: PieceSizes): OpenedArtifact {
  const lengths = artifact.parts.map((part) =>
    part.length > sizes.maxBytes ? cutLengths(part.range, sizes) : [part.length],
  );
  const parts: OpenedPart[] = [];
  /** New number by old part and piece; numbers follow first use. */
  const numbers = new Map<string, number>();
  const numberOf = (old: number, piece: number): number => {
    const key = `${old}.${piece}`;
    const known = numbers.get(key);
    if (known !== undefined) return known;
    const index = parts.length;
    numbers.set(key, index);
    const part = artifact.parts[old];
    if (part === undefined) throw new RangeError(`expected a part ${old}`);
    parts.push(pieceOf(part, lengths[old] ?? [], piece, index));
    return index;
  };
  /** Of each part: the piece that is being taken, and how much of it is. */
  const taken = artifact.parts.map(() => ({ piece: 0, bytes: 0 }));
  const recut = (nodes: readonly RecipeNode[]): RecipeNode[] =>
    nodes.flatMap((node): RecipeNode[] => {
      if (!('part' in node)) return [{ ...node, nodes: recut(node.nodes) }];
      const found: RecipeNode[] = [];
      const at = taken[node.part] ?? { piece: 0, bytes: 0 };
      for (let left = node.length; left > 0; ) {
        const whole = lengths[node.part]?.[at.piece] ?? left;
        const length = Math.min(left, whole - at.bytes);
        found.push({ part: numberOf(node.part, at.piece), length });
        left -= length;
        at.bytes += length;
        if (at.bytes === whole) Object.assign(at, { piece: at.piece + 1, bytes: 0 });
      }
      return found;
    });
  const nodes = recut(artifact.recipe.nodes);
  return { ...artifact, parts, recipe: { ...artifact.recipe, nodes } };
}

function pieceOf(part: OpenedPart, lengths: readonly number[], number: number, index: number): OpenedPart {
  if (lengths.length === 1) return { ...part, index };
  const start = lengths.slice(0, number).reduce((sum, length) => sum + length, 0);
  const range = part.range.slice(start, start + (lengths[number] ?? 0));
  const { label } = part;
  const piece = { of: label, number };
  return { index, label: `${label}[${number}]`, piece, length: range.length, sha256: digestOf(range), range };
}
