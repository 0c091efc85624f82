/**
 * Takes an artifact apart as its recipe says. A device gets at the parts of what it has installed in this way. It
 * streams in one pass; parts that lie in the artifact uncompressed need not be taken out at all (see directPart).
 */

import { SlipwayError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import type { ByteSource } from '../byte-source.ts';
import { decompressZstd, inflateRaw } from './decompress.ts';
import { nodesLength, type Recipe, type RecipeNode, type StreamNode } from './recipe.ts';

const chunkBytes = 64 * 1024;

/** Gets the bytes of a part, piece by piece, in order; the view is only valid until the promise is settled. */
type PartSink = (part: number, bytes: Uint8Array) => void | Promise<void>;

/**
 * Takes compressed streams with windows of at most 2^`limits.maxRecipeZstdWindowLog` bytes.
 * Gives every byte of every part to `sink`; what the sink does not want it drops.
 * @throws SlipwayError `recipe-malformed` when artifact and recipe do not fit: another length, a stream that ends early
 * or late; `compression-invalid` for one that does not decode
 */
export async function takeApart(recipe: Recipe, artifact: ByteSource, sink: PartSink): Promise<void> {
  const expected = nodesLength(recipe.nodes);
  if (expected !== artifact.length) {
    throw new SlipwayError('recipe-malformed', `expected an artifact of ${expected} bytes, found ${artifact.length}`);
  }
  await readNodes(recipe.nodes, new PartCursor(chunksOf(artifact)), sink);
}

/**
 * A part that lies in the artifact as it is, in one piece or several; undefined for one inside a compressed stream.
 */
export function directPart(recipe: Recipe, artifact: ByteSource, part: number): ByteSource | undefined {
  const pieces: { at: number; offset: number; length: number }[] = [];
  let offset = 0;
  let length = 0;
  for (const node of recipe.nodes) {
    if ('part' in node) {
      if (node.part === part) {
        pieces.push({ at: length, offset, length: node.length });
        length += node.length;
      }
    } else if (usesPart(node.nodes, part)) {
      return undefined;
    }
    offset += node.length;
  }
  if (pieces.length === 0) return undefined;
  return {
    length,
    readInto(target, start) {
      const end = start + target.length;
      for (const piece of pieces) {
        const from = Math.max(start, piece.at);
        const to = Math.min(end, piece.at + piece.length);
        if (from < to) artifact.readInto(target.subarray(from - start, to - start), piece.offset + from - piece.at);
      }
    },
  };
}

function usesPart(nodes: readonly RecipeNode[], part: number): boolean {
  return nodes.some((node) => ('part' in node ? node.part === part : usesPart(node.nodes, part)));
}

async function readNodes(nodes: readonly RecipeNode[], cursor: PartCursor, sink: PartSink): Promise<void> {
  for (const node of nodes) {
    if ('part' in node) {
      for await (const bytes of cursor.take(node.length)) await sink(node.part, bytes);
      continue;
    }
    const stream = cursor.take(node.length);
    const content = new PartCursor(contentOf(node, stream));
    await readNodes(node.nodes, content, sink);
    await content.expectEnd();
    // A decoder may stop before the last byte of its stream was asked for.
    for await (const _ of cursor.take(stream.left));
  }
}

function contentOf(node: StreamNode, stream: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  if ('deflate' in node) return inflateRaw(stream);
  if ('zstd' in node) return decompressZstd(stream, limits.maxRecipeZstdWindowLog);
  throw node satisfies never;
}

/** Reads exactly as many bytes as asked for from a stream of chunks. */
class PartCursor {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** The next `length` bytes; `left` tells how many of them have not been handed out. */
  take(length: number): AsyncIterable<Uint8Array> & { readonly left: number } {
    let left = length;
    const next = () => this.#next();
    const give = (bytes: Uint8Array): Uint8Array => {
      const given = bytes.subarray(0, left);
      this.#rest = bytes.subarray(given.length);
      left -= given.length;
      return given;
    };
    return {
      get left() {
        return left;
      },
      async *[Symbol.asyncIterator]() {
        while (left > 0) {
          const bytes = await next();
          if (bytes === undefined) {
            throw new SlipwayError('recipe-malformed', `expected ${left} more bytes, the stream ended`);
          }
          yield give(bytes);
        }
      },
    };
  }

  async expectEnd(): Promise<void> {
    if ((await this.#next()) !== undefined) {
      throw new SlipwayError('recipe-malformed', 'expected the end of a stream, found more bytes');
    }
  }

  /** Some bytes, at least one; undefined at the end. */
  async #next(): Promise<Uint8Array | undefined> {
    let bytes = this.#rest;
    this.#rest = bytes.subarray(bytes.length);
    while (bytes.length === 0) {
      const step = await this.#advance();
      if (step.done === true) return undefined;
      bytes = step.value;
    }
    return bytes;
  }

  async #advance(): Promise<IteratorResult<Uint8Array>> {
    try {
      return await this.#chunks.next();
    } catch (cause) {
      if (cause instanceof SlipwayError) throw cause;
      throw new SlipwayError('compression-invalid', 'expected a compressed stream that decodes', { cause });
    }
  }
}

async function* chunksOf(source: ByteSource): AsyncIterable<Uint8Array> {
  const buffer = new Uint8Array(chunkBytes);
  for (let offset = 0; offset < source.length; offset += chunkBytes) {
    const chunk = buffer.subarray(0, source.length - offset);
    source.readInto(chunk, offset);
    yield chunk;
  }
}
