/**
 * Gives positioned reads of the parts of the base. Parts that lie in the base as they are stay there; those inside
 * compressed streams are taken out into part files, and only streams that hold a wanted part are opened.
 */

import { SlipwayError } from '../contract/errors.ts';
import type { ApplyPorts, PartFile } from './apply.ts';
import type { ByteSource } from './byte-source.ts';
import type { OpenDelta } from './open-delta.ts';
import type { RecipeNode } from './recipe/recipe.ts';
import { takeApart } from './recipe/take-apart.ts';
import { sliceSource } from './slice-source.ts';

/** @throws SlipwayError `delta-malformed` for a part that the base does not have, or that was not wanted */
type OldParts = (index: number) => ByteSource;

/**
 * @param wanted numbers of the parts that will be read
 * @throws SlipwayError `recipe-malformed` or `compression-invalid` when base and recipe do not fit
 */
export async function openOldParts(
  base: ByteSource,
  opened: OpenDelta,
  wanted: ReadonlySet<number>,
  ports: Pick<ApplyPorts, 'files' | 'checkStopped'>,
): Promise<OldParts> {
  const begun = new Map<number, PartFile>();
  const parts = new Map<number, ByteSource>();
  const pieces = new Map<number, OldPiece[]>();
  const take = (part: number, bytes: Uint8Array) => {
    ports.checkStopped?.();
    begun.get(part)?.sink.write(bytes);
  };
  try {
    for (const index of opened.takenOut) {
      if (wanted.has(index)) begun.set(index, ports.files.begin(`old-${index}`, opened.oldLengths[index] ?? 0));
    }
    let offset = 0;
    for (const node of opened.base.nodes) {
      if (holdsAny(node, begun)) {
        await takeApart({ version: 1, nodes: [node] }, sliceSource(base, offset, node.length), take);
      } else if ('part' in node && wanted.has(node.part)) {
        addPiece(pieces, node.part, offset, node.length);
      }
      offset += node.length;
    }
    for (const [index, file] of begun) parts.set(index, file.finish());
  } catch (error) {
    for (const [index, file] of begun) if (!parts.has(index)) file.discard();
    throw error;
  }
  for (const [index, found] of pieces) parts.set(index, piecedSource(base, found));
  return (index) => {
    const part = parts.get(index);
    if (part === undefined) throw new SlipwayError('delta-malformed', `expected an old part ${index} in the base`);
    return part;
  };
}

function holdsAny(node: RecipeNode, parts: ReadonlyMap<number, unknown>): boolean {
  return 'part' in node ? parts.has(node.part) : node.nodes.some((inner) => holdsAny(inner, parts));
}

/** `length` bytes of a part from `at` on, which lie in the base from `offset` on. */
interface OldPiece {
  readonly at: number;
  readonly offset: number;
  readonly length: number;
}

function addPiece(pieces: Map<number, OldPiece[]>, part: number, offset: number, length: number): void {
  const known = pieces.get(part);
  const last = known?.at(-1);
  const piece = { at: last === undefined ? 0 : last.at + last.length, offset, length };
  if (known === undefined) pieces.set(part, [piece]);
  else known.push(piece);
}

function piecedSource(base: ByteSource, pieces: readonly OldPiece[]): ByteSource {
  const last = pieces.at(-1);
  return {
    length: last === undefined ? 0 : last.at + last.length,
    readInto(target, start) {
      let filled = 0;
      for (let i = pieceAt(pieces, start); filled < target.length; i++) {
        const piece = pieces[i];
        if (piece === undefined) throw new SlipwayError('io-error', `a part of the base ends at ${start + filled}`);
        const skipped = start + filled - piece.at;
        const length = Math.min(piece.length - skipped, target.length - filled);
        base.readInto(target.subarray(filled, filled + length), piece.offset + skipped);
        filled += length;
      }
    },
  };
}

/** The last piece that begins at `position` or before. */
function pieceAt(pieces: readonly OldPiece[], position: number): number {
  let low = 0;
  let high = pieces.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if ((pieces[middle]?.at ?? 0) <= position) low = middle;
    else high = middle - 1;
  }
  return low;
}
