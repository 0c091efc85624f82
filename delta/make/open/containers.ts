/**
 * Lists the containers that begin with bytes of their own: how each is recognised and opened. A new one is a file and a
 * line here. An archive needs nothing more to be rebuilt, since its framing is a part like any other. A compressed
 * stream is rebuilt by the recipe node that its opener gives. Programs and ZIP files, which are found by their tables,
 * are the business of open-whole.ts.
 */

import type { FileRange } from '../file-source.ts';
import { ar } from './ar.ts';
import type { Archive, ArchiveFormat } from './archive.ts';
import { cpio } from './cpio.ts';
import { isGzip, openGzip } from './gzip.ts';
import { inArchive, minContainerBytes, type Opened, type Opening, type Place } from './opening.ts';
import { glue, type Piece } from './piece.ts';
import { tar } from './tar.ts';
import { isZstd, openZstd } from './zstd.ts';

interface Container {
  readonly name: string;
  /** By the first bytes of the range; whether the rest fits them is for `open`. */
  isAt(range: FileRange): boolean;
  /** The container at the start of the range; undefined when it is none after all, or too short for its place. */
  open(range: FileRange, place: Place, opening: Opening): Promise<Opened | undefined>;
}

const containers: readonly Container[] = [
  { name: 'zstd', isAt: isZstd, open: openZstd },
  { name: 'gzip', isAt: isGzip, open: openGzip },
  archive('tar', tar),
  archive('ar', ar),
  archive('cpio', cpio),
];

/** The container at the start of the range, opened; undefined when there is none. */
export async function openContainer(range: FileRange, place: Place, opening: Opening): Promise<Opened | undefined> {
  return containers.find(({ isAt }) => isAt(range))?.open(range, place, opening);
}

function archive(name: string, format: ArchiveFormat): Container {
  return {
    name,
    isAt: (range) => format.isAt(range),
    open: (range, place, opening) => openArchive(range, format.read(range), place, opening),
  };
}

async function openArchive(
  range: FileRange,
  { files, end }: Archive,
  { label, depth }: Place,
  opening: Opening,
): Promise<Opened> {
  const pieces: Piece[] = [];
  let done = 0;
  for (const file of files) {
    if (file.length < minContainerBytes) continue;
    const bytes = range.slice(file.offset, file.offset + file.length);
    pieces.push(...glue(range.slice(done, file.offset)));
    pieces.push(...(await opening.inside(bytes, `${label}/${file.name}`, inArchive(depth))));
    done = file.offset + file.length;
  }
  return { pieces: [...pieces, ...glue(range.slice(done, end))], length: end };
}
