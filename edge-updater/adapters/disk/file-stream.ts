/**
 * Reads a file in pieces, by a buffer no larger than the file: a release of many small files costs no megabyte for
 * each.
 */
import { createReadStream, type ReadStream } from 'node:fs';

const maxPieceBytes = 256 * 1024;

/** @param length of the file in bytes; if it is longer after all, it is read whole all the same */
export function streamOfFile(file: string, length: number): ReadStream {
  // One byte more than the file has: the first reading is short, which says that there is no more.
  return createReadStream(file, { highWaterMark: Math.min(maxPieceBytes, length + 1) });
}
