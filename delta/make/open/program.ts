/**
 * Opens a program: cut where large containers are embedded, else without its compressed debug information. What is left
 * of it stays one part.
 */

import { unknownEncoder } from '../../recipe/recipe.ts';
import { compressedSections } from '../compressed-sections.ts';
import type { FileRange } from '../file-source.ts';
import { openContainer } from './containers.ts';
import { inflate } from './inflate.ts';
import { type Depth, inStream, minContainerBytes, type Opening } from './opening.ts';
import type { Leaf, LeafBody, Piece } from './piece.ts';
import { nextMagic } from './scan.ts';

/** Programs are cut open only for containers that make up this share: a program in one piece diffs better. */
const minEmbeddedShare = 1 / 4;
/** Compressed sections of a program are opened when together they make up this share. */
const minSectionsShare = 1 / 32;

/** @param range the program and nothing behind it */
export async function openProgram(
  range: FileRange,
  label: string,
  depth: Depth,
  opening: Opening,
): Promise<readonly Piece[]> {
  const minLength = Math.max(minContainerBytes, range.length * minEmbeddedShare);
  const body: LeafBody = { label };
  const part = (start: number, end: number): Leaf[] =>
    start < end ? [{ kind: 'leaf', label, body, range: range.slice(start, end) }] : [];
  const pieces: Piece[] = [];
  let done = 0;
  for (let at = nextMagic(range, 0); at !== undefined && range.length - at >= minLength; at = nextMagic(range, at)) {
    const opened = await openContainer(range.slice(at), { label: `${label}@${at}`, depth, minLength }, opening);
    if (opened === undefined) {
      at++;
      continue;
    }
    pieces.push(...part(done, at), ...opened.pieces);
    at += opened.length;
    done = at;
  }
  if (pieces.length > 0) return [...pieces, ...part(done, range.length)];
  return (await openSections(range, label, depth, opening)) ?? opening.plain(range, label);
}

/** A program with its compressed debug information cut out: of all sections that have such, or of none. */
async function openSections(
  range: FileRange,
  label: string,
  depth: Depth,
  opening: Opening,
): Promise<readonly Piece[] | undefined> {
  const sections = compressedSections(range);
  const compressedBytes = sections.reduce((sum, { length }) => sum + length, 0);
  if (compressedBytes < range.length * minSectionsShare) return undefined;
  if (opening.refusal(inStream(depth)) !== undefined) return undefined;
  const body: LeafBody = { label };
  const pieces: Piece[] = [];
  let done = 0;
  const rest = (end: number): Leaf => ({ kind: 'leaf', label, body, range: range.slice(done, end) });
  for (const { name, offset, length } of sections) {
    const stream = range.slice(offset, offset + length);
    const unpacked = await inflate(stream, opening.spool);
    if (typeof unpacked === 'string' || unpacked.length !== length) return undefined;
    const settings = opening.purpose === 'base' ? unknownEncoder : opening.deflate.find(unpacked.content, stream);
    if (settings === undefined) {
      opening.unopened.push({ label: `${label}#${name}`, length: compressedBytes, reason: 'encoder-unknown' });
      return undefined;
    }
    const content = opening.plain(unpacked.content, `${label}#${name}`);
    pieces.push(rest(offset), { kind: 'deflate', settings, length, pieces: content });
    done = offset + length;
  }
  opening.count(sections.length + 1);
  return [...pieces, rest(range.length)];
}
