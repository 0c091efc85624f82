/**
 * Opens a whole stretch of bytes, an artifact or what lies in a container: a program, containers one after the other,
 * or a ZIP. What cannot be read or written again stays a part; nothing in here can fail because an artifact is
 * malformed.
 */

import { elfLength } from '../../elf.ts';
import type { ZstdEncoder } from '../../recipe/ports.ts';
import type { FileRange } from '../file-source.ts';
import type { ProvenFrame } from '../proven-frames.ts';
import { openContainer } from './containers.ts';
import { type Depth, minContainerBytes, Opening, type Purpose, type Unopened } from './opening.ts';
import type { Piece } from './piece.ts';
import { openProgram } from './program.ts';
import { nextMagic } from './scan.ts';
import type { Spool } from './spool.ts';
import { openZip } from './zip.ts';
import { readZip } from './zip-directory.ts';

/** Containers inside containers, tar and ZIP counted too. */
const maxNesting = 16;

interface OpenedWhole {
  readonly pieces: readonly Piece[];
  readonly unopened: readonly Unopened[];
  readonly frames: readonly ProvenFrame[];
}

/** The pieces of an artifact, which together are it to the byte. */
export async function openWhole(
  range: FileRange,
  label: string,
  spool: Spool,
  zstd: ZstdEncoder,
  purpose: Purpose,
): Promise<OpenedWhole> {
  const opening = new Opening(spool, zstd, purpose, (inner, name, depth) => open(inner, name, depth, opening));
  const pieces = await open(range, label, { nesting: 0, streams: 0 }, opening);
  return { pieces, unopened: opening.unopened, frames: opening.frames };
}

async function open(range: FileRange, label: string, depth: Depth, opening: Opening): Promise<readonly Piece[]> {
  if (range.length < minContainerBytes || depth.nesting > maxNesting) return opening.plain(range, label);
  const program = elfLength(range);
  if (program !== undefined) {
    const body = await openProgram(range.slice(0, program), label, depth, opening);
    if (program === range.length) return body;
    return [...body, ...(await openRest(range, program, label, depth, opening))];
  }
  const first = await openContainer(range, { label, depth, minLength: minContainerBytes }, opening);
  if (first !== undefined) {
    if (first.length === range.length) return first.pieces;
    return [...first.pieces, ...(await openRest(range, first.length, label, depth, opening))];
  }
  const zip = readZip(range);
  return zip === undefined ? opening.plain(range, label) : openZip(range, 0, zip, label, depth, opening);
}

/** What follows a program or a container: a ZIP, or containers one after the other with gaps between. */
async function openRest(
  range: FileRange,
  start: number,
  label: string,
  depth: Depth,
  opening: Opening,
): Promise<readonly Piece[]> {
  const zip = readZip(range);
  if (zip !== undefined && zip.start >= start) return openZip(range, start, zip, label, depth, opening);
  const rest = range.slice(start);
  const pieces: Piece[] = [];
  let done = 0;
  for (let at: number | undefined = 0; at !== undefined; at = nextMagic(rest, at)) {
    const place = { label: `${label}@${start + at}`, depth, minLength: minContainerBytes };
    const opened = await openContainer(rest.slice(at), place, opening);
    if (opened === undefined) {
      at++;
      continue;
    }
    pieces.push(...opening.plain(rest.slice(done, at), `${label}@${start + done}`), ...opened.pieces);
    at += opened.length;
    done = at;
  }
  return [...pieces, ...opening.plain(rest.slice(done), `${label}@${start + done}`)];
}
