/**
 * Builds `runtime.findfunctab` (cmd/link/internal/ld/pcln.go, writeFindFuncTab): for each 4096 bytes of code the index
 * of the lowest function in it, and for each 256 bytes of those the difference to it.
 */
import { makeRoom } from './new-file';

const pieceShift: u32 = 8;
const piecesInBucket: u32 = 16;

/** @param entries starts of the functions and the end of the last, `count + 1` ascending 32-bit numbers */
export function writeFindTable(entries: usize, count: u32): void {
  const base = load<u32>(entries);
  const span = load<u32>(entries + ((<usize>count) << 2)) - base;
  const pieces = <u32>((<u64>span + 255) >> pieceShift);
  let lowest: u32 = 0;
  for (let piece: u32 = 0; piece < pieces; piece += piecesInBucket) {
    lowest = writeBucket(entries, count, base, lowest, piece, min(pieces - piece, piecesInBucket));
  }
}

/**
 * @param from a function that is not above the first piece's lowest
 * @returns the last piece's lowest function
 */
function writeBucket(entries: usize, count: u32, base: u32, from: u32, firstPiece: u32, pieces: u32): u32 {
  const bucket = makeRoom(4 + pieces);
  let lowest = from;
  for (let i: u32 = 0; i < pieces; i++) {
    const start = base + ((firstPiece + i) << pieceShift);
    while (lowest + 1 < count && load<u32>(entries + ((<usize>lowest + 1) << 2)) <= start) lowest++;
    if (i === 0) store<u32>(bucket, lowest);
    store<u8>(bucket + i, lowest - load<u32>(bucket), 4);
  }
  return lowest;
}
