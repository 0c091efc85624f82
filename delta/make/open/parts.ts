/**
 * Numbers the parts of an opened artifact, in order of first use, and writes its recipe. All framing is one part;
 * every leaf is a part; a leaf in several pieces is laid out as one.
 */
import { createHash } from 'node:crypto';
import type { Digest } from '../../../contract/digest.ts';
import { SlipwayError } from '../../../contract/errors.ts';
import { deflateNode, type PartNode, type Recipe, type RecipeNode, zstdNode } from '../../recipe/recipe.ts';
import type { FileRange } from '../file-source.ts';
import type { LeafBody, Piece } from './piece.ts';
import type { Spool } from './spool.ts';

export interface OpenedPart {
  readonly index: number;
  /** Where it was found, for people: `k3s@1234#zstd/bin/containerd`; `(framing)` for headers and small files. */
  readonly label: string;
  /** Of a part that was cut: the label of the whole, and the number of this piece of it. */
  readonly piece?: { readonly of: string; readonly number: number };
  readonly length: number;
  readonly sha256: Digest;
  /** Its bytes; readable until the opened artifact is disposed of. */
  readonly range: FileRange;
}

interface NumberedParts {
  readonly parts: readonly OpenedPart[];
  readonly recipe: Recipe;
}

interface Draft {
  readonly label: string;
  readonly ranges: FileRange[];
}

const framing: LeafBody = { label: '(framing)' };

export function numberParts(pieces: readonly Piece[], spool: Spool): NumberedParts {
  const drafts: Draft[] = [];
  const numbers = new Map<LeafBody, number>();
  const node = (body: LeafBody, range: FileRange): PartNode => {
    let part = numbers.get(body);
    if (part === undefined) {
      part = drafts.length;
      numbers.set(body, part);
      drafts.push({ label: body.label, ranges: [] });
    }
    drafts[part]?.ranges.push(range);
    return { part, length: range.length };
  };
  const nodes = joined(toNodes(pieces, node));
  const parts = drafts.map(({ label, ranges }, index) => {
    const range = oneRange(ranges, spool);
    const hash = createHash('sha256');
    for (const chunk of range.chunks()) hash.update(chunk);
    return { index, label, length: range.length, sha256: hash.digest('hex'), range };
  });
  return { parts, recipe: { version: 1, nodes } };
}

function toNodes(pieces: readonly Piece[], node: (body: LeafBody, range: FileRange) => PartNode): RecipeNode[] {
  return pieces.flatMap((piece): RecipeNode[] => {
    switch (piece.kind) {
      case 'glue':
        return [node(framing, piece.range)];
      case 'leaf':
        return piece.range.length > 0 ? [node(piece.body, piece.range)] : [];
      case 'deflate':
        return [deflateNode(piece.settings, piece.length, joined(toNodes(piece.pieces, node)))];
      case 'zstd':
        return [zstdNode(piece.settings, piece.length, joined(toNodes(piece.pieces, node)))];
      default:
        throw piece satisfies never;
    }
  });
}

/** Neighbouring pieces of one part become one node. */
function joined(nodes: readonly RecipeNode[]): RecipeNode[] {
  const out: RecipeNode[] = [];
  for (const node of nodes) {
    const last = out.at(-1);
    if (last !== undefined && 'part' in last && 'part' in node && last.part === node.part) {
      out[out.length - 1] = { part: last.part, length: last.length + node.length };
    } else {
      out.push(node);
    }
  }
  return out;
}

function oneRange(ranges: readonly FileRange[], spool: Spool): FileRange {
  const [only, ...others] = ranges;
  if (only !== undefined && others.length === 0) return only;
  const stream = spool.begin();
  for (const range of ranges) {
    for (const chunk of range.chunks()) if (!stream.write(chunk)) throw new SlipwayError('disk-full', 'spool is full');
  }
  return stream.done();
}
