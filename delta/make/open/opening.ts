/**
 * An opening is what the openers of one artifact share: its purpose, room for content, the count of what the recipe
 * will hold, and the way back to opening what lies inside. A container's opener is given one, and needs nothing else.
 */
import { limits } from '../../../contract/limits.ts';
import type { ZstdEncoder } from '../../recipe/ports.ts';
import type { FileRange } from '../file-source.ts';
import type { ProvenFrame } from '../proven-frames.ts';
import { DeflateProbe } from './deflate-probe.ts';
import { glue, leaf, type Piece } from './piece.ts';
import type { Spool } from './spool.ts';

/** Smaller containers are not worth a node of the recipe. */
export const minContainerBytes = 4096;
/** Smaller files are left in the framing around them. */
const minLeafBytes = 32 * 1024;

/** A compressed stream that was recognised but stays as it is. */
export interface Unopened {
  readonly label: string;
  /** Bytes of the stream. */
  readonly length: number;
  readonly reason: 'encoder-unknown' | 'too-deep' | 'too-large' | 'too-many-parts';
}

/**
 * A `target` is opened only where it can be written again, and each stream is written to prove it. A `base` is only
 * ever taken apart, so whatever decodes is opened.
 */
export type Purpose = 'target' | 'base';

/** Some pieces, and how many bytes of the range they are. */
export interface Opened {
  readonly pieces: readonly Piece[];
  readonly length: number;
}

export interface Depth {
  /** Containers around, archives counted too. */
  readonly nesting: number;
  /** Compressed streams around; bounded by the limit of recipes. */
  readonly streams: number;
}

/** Where a container was found. */
export interface Place {
  readonly label: string;
  /** Of what the container lies in. */
  readonly depth: Depth;
  /** A shorter container is not worth opening here. */
  readonly minLength: number;
}

/** Opens what is inside of a container, in its turn. */
type OpenInside = (range: FileRange, label: string, depth: Depth) => Promise<readonly Piece[]>;

export class Opening {
  readonly unopened: Unopened[] = [];
  /** Frames that were written again to prove that they can be. */
  readonly frames: ProvenFrame[] = [];
  readonly spool: Spool;
  readonly purpose: Purpose;
  readonly zstd: ZstdEncoder;
  readonly deflate = new DeflateProbe();
  readonly inside: OpenInside;
  #nodes = 0;

  constructor(spool: Spool, zstd: ZstdEncoder, purpose: Purpose, inside: OpenInside) {
    this.spool = spool;
    this.zstd = zstd;
    this.purpose = purpose;
    this.inside = inside;
  }

  /** Tells of nodes that the recipe will have. */
  count(nodes: number): void {
    this.#nodes += nodes;
  }

  /** Bytes as they are: a part of their own when they are long enough. */
  plain(range: FileRange, label: string): readonly Piece[] {
    if (range.length < minLeafBytes || this.#nodes >= limits.maxRecipeParts - 1) return glue(range);
    this.#nodes++;
    return [leaf(label, range)];
  }

  /** Why no stream may be opened at that depth; undefined where one may. */
  refusal({ streams }: Depth): Unopened['reason'] | undefined {
    if (streams > limits.maxRecipeDepth) return 'too-deep';
    return this.#nodes >= limits.maxRecipeParts / 2 ? 'too-many-parts' : undefined;
  }

  /** A stream that stays compressed, and says so when that costs something. */
  keep(range: FileRange, label: string, reason: Unopened['reason']): Opened {
    if (range.length >= minLeafBytes) this.unopened.push({ label, length: range.length, reason });
    return { pieces: this.plain(range, label), length: range.length };
  }
}

export function inArchive(depth: Depth): Depth {
  return { nesting: depth.nesting + 1, streams: depth.streams };
}

export function inStream(depth: Depth): Depth {
  return { nesting: depth.nesting + 1, streams: depth.streams + 1 };
}
