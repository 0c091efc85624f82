/**
 * `runtime.findfunctab` (cmd/link/internal/ld/pcln.go, writeFindFuncTab): for each 4096 bytes of code the index of the
 * lowest function in it, and for each 256 bytes of those the difference to it.
 */
import { writeUint32 } from './little-endian.ts';

const pieceBytes = 256;
const piecesInBucket = 16;
const bucketBytes = 4 + piecesInBucket;

/** @param entries starts of the functions and the end of the last, ascending */
export function buildFindTable(entries: Uint32Array): Uint8Array {
  const count = entries.length - 1;
  const base = entries[0] ?? 0;
  const span = (entries[count] ?? 0) - base;
  const pieces = Math.ceil(span / pieceBytes);
  const lowest = new Uint32Array(pieces).fill(0x7fffffff);
  for (let i = count - 1; i >= 0; i--) {
    const start = (entries[i] as number) - base;
    const end = (entries[i + 1] as number) - base;
    if (end <= start) continue;
    const last = Math.floor((end - 1) / pieceBytes);
    for (let piece = Math.floor(start / pieceBytes); piece <= last; piece++) lowest[piece] = i;
  }
  const buckets = Math.ceil(pieces / piecesInBucket);
  const table = new Uint8Array(4 * buckets + pieces);
  for (let piece = 0; piece < pieces; piece++) {
    const bucket = Math.floor(piece / piecesInBucket);
    const first = lowest[bucket * piecesInBucket] as number;
    if (piece % piecesInBucket === 0) writeUint32(table, bucket * bucketBytes, first);
    table[bucket * bucketBytes + 4 + (piece % piecesInBucket)] = (lowest[piece] as number) - first;
  }
  return table;
}
