/**
 * Defines the pieces that an artifact turns out to be made of, before parts are numbered. In order, they are the
 * artifact to the byte.
 */
import type { DeflateNode, UnknownEncoder, ZstdNode } from '../../recipe/recipe.ts';
import type { FileRange } from '../file-source.ts';

/** Bytes with a name of their own: a file, a program, what could not be opened. */
export interface Leaf {
  readonly kind: 'leaf';
  readonly label: string;
  /** Several when containers were cut out of its middle; one part all the same. */
  readonly body: LeafBody;
  readonly range: FileRange;
}

/** Identity of a leaf: pieces with the same body belong to one part, in order. */
export interface LeafBody {
  readonly label: string;
}

/** Bytes that only frame others: headers, padding, directories, small files. All glue is one part. */
interface Glue {
  readonly kind: 'glue';
  readonly range: FileRange;
}

interface Deflated {
  readonly kind: 'deflate';
  readonly settings: DeflateNode['deflate'] | UnknownEncoder;
  readonly length: number;
  readonly pieces: readonly Piece[];
}

interface Zstandard {
  readonly kind: 'zstd';
  readonly settings: ZstdNode['zstd'] | UnknownEncoder;
  readonly length: number;
  readonly pieces: readonly Piece[];
}

export type Piece = Leaf | Glue | Deflated | Zstandard;

export function leaf(label: string, range: FileRange): Leaf {
  return { kind: 'leaf', label, body: { label }, range };
}

export function glue(range: FileRange): Glue[] {
  return range.length > 0 ? [{ kind: 'glue', range }] : [];
}
