/** Opens the members of a ZIP: its headers and directory are framing, bytes before it a part or framing. */

import type { FileRange } from '../file-source.ts';
import { openDeflate } from './deflate.ts';
import { inflate } from './inflate.ts';
import { type Depth, inArchive, minContainerBytes, type Opening } from './opening.ts';
import { glue, type Piece } from './piece.ts';
import type { Zip } from './zip-directory.ts';

/** @param from where the pieces begin: bytes from there to the ZIP itself are a leaf or glue */
export async function openZip(
  range: FileRange,
  from: number,
  zip: Zip,
  label: string,
  depth: Depth,
  opening: Opening,
): Promise<readonly Piece[]> {
  const pieces: Piece[] = [...opening.plain(range.slice(from, zip.start), label)];
  let done = zip.start;
  for (const member of zip.members) {
    const bytes = range.slice(member.offset, member.offset + member.length);
    const name = `${label}/${member.name}`;
    const opened = member.deflated
      ? await openDeflated(bytes, name, depth, opening)
      : await opening.inside(bytes, name, inArchive(depth));
    if (opened === undefined) continue;
    pieces.push(...glue(range.slice(done, member.offset)), ...opened);
    done = member.offset + member.length;
  }
  return [...pieces, ...glue(range.slice(done))];
}

async function openDeflated(
  bytes: FileRange,
  label: string,
  depth: Depth,
  opening: Opening,
): Promise<readonly Piece[] | undefined> {
  if (bytes.length < minContainerBytes) return undefined;
  const unpacked = await inflate(bytes, opening.spool);
  if (unpacked === 'malformed') return opening.plain(bytes, label);
  if (unpacked === 'too-large') return opening.keep(bytes, label, unpacked).pieces;
  if (unpacked.length !== bytes.length) return opening.plain(bytes, label);
  return openDeflate(bytes, unpacked.content, label, depth, opening);
}
