/**
 * Predicts the function data (`go:func.*`): names in inlining trees, pointer masks of stack objects and the functions
 * that wrappers wrap move with what they name; everything else is copied.
 */
import { map, mapText } from './address-map';
import { placeCount, places } from './function-rows';
import { newRodata, oldRodata, rowBytes } from './geometry';
import { copyOld, makeRoom } from './new-file';
import { loadOld, maxLoadBytes } from './old-file';
import { ShiftTable, shifted } from './shift-table';

/** internal/abi/symtab.go: FUNCDATA_StackObjects, FUNCDATA_InlTree, FUNCDATA_WrapInfo. */
const stackObjectsKind: u32 = 2;
const inliningTreeKind: u32 = 3;
const wrappedKind: u32 = 7;
const stackObjectBytes: usize = 16;
/** Rows of Go before 1.20, whose inlining trees are different, too. */
const earlyRowBytes: u32 = 40;
/** Pieces are read, rewritten and written together up to this; a longer piece is a batch of its own. */
const batchBytes: i64 = 64 * 1024;

/** The batch: its first place not looked at yet, the one behind its last, and its end in the region. */
let nextPlace: u32 = 0;
let endPlace: u32 = 0;
let batchEnd: i64 = 0;
/** What the piece is whose end comes next. */
let kind: u32 = 0;

/** The region of `length` bytes at `offset`, cut at `places`, which are sorted by now. */
export function writeFunctionData(offset: f64, length: f64, names: ShiftTable): void {
  const regionBytes = <i64>length;
  let at: i64 = 0;
  nextPlace = 0;
  kind = 0;
  while (findBatch(at, regionBytes)) {
    const bytes = batchEnd - at;
    if (bytes > <i64>maxLoadBytes) {
      copyOld(offset + <f64>at, <f64>bytes);
      skipBatch();
    } else {
      const batch = makeRoom(<u32>bytes);
      loadOld(batch, <i64>offset + at, <u32>bytes);
      rewriteBatch(batch, at, regionBytes, names);
    }
    at = batchEnd;
  }
  copyOld(offset + <f64>at, <f64>(regionBytes - at));
}

/** Where a place cuts the region; behind the last one is the region's end. */
function cutAt(place: u32, regionBytes: i64): i64 {
  return place < placeCount ? <i64>(load<u32>(places + ((<usize>place) << 2)) >>> 3) : regionBytes;
}

/** The pieces from `at` on, at least one, or false at the end: a place behind the region ends it as well. */
function findBatch(at: i64, regionBytes: i64): bool {
  batchEnd = at;
  endPlace = nextPlace;
  while (endPlace <= placeCount) {
    const cut = cutAt(endPlace, regionBytes);
    if (cut > regionBytes || (cut - at > batchBytes && batchEnd > at)) break;
    batchEnd = cut;
    endPlace++;
  }
  return batchEnd > at;
}

function skipBatch(): void {
  const last = min(endPlace, placeCount);
  if (last > nextPlace) kind = load<u32>(places + ((<usize>last - 1) << 2)) & 7;
  nextPlace = endPlace;
}

function rewriteBatch(batch: usize, start: i64, regionBytes: i64, names: ShiftTable): void {
  let at = batch;
  for (let place = nextPlace; place < endPlace; place++) {
    const end = batch + <usize>(cutAt(place, regionBytes) - start);
    if (end > at) rewritePiece(at, end, names);
    at = end;
    if (place < placeCount) kind = load<u32>(places + ((<usize>place) << 2)) & 7;
  }
  nextPlace = endPlace;
}

function rewritePiece(from: usize, to: usize, names: ShiftTable): void {
  if (kind === inliningTreeKind) rewriteInliningTree(from, to, names);
  else if (kind === stackObjectsKind) rewriteStackObjects(from, to);
  else if (kind === wrappedKind && to - from >= 4) store<u32>(from, mapText(load<u32>(from)));
}

/** runtime.inlinedCall: 16 bytes with the name at 4 from Go 1.20 on, 20 bytes with the name at 12 before. */
function rewriteInliningTree(from: usize, to: usize, names: ShiftTable): void {
  const size: usize = rowBytes === earlyRowBytes ? 20 : 16;
  const name: usize = rowBytes === earlyRowBytes ? 12 : 4;
  for (let at = from; at + size <= to; at += size) store<u32>(at + name, shifted(names, load<u32>(at + name)));
}

/** A count in eight bytes, then runtime.stackObjectRecord with the offset of the mask at 12. */
function rewriteStackObjects(from: usize, to: usize): void {
  const count: u32 = to - from < 8 ? 0 : load<u32>(from);
  let at = from + 8;
  for (let i: u32 = 0; i < count && at + stackObjectBytes <= to; i++) {
    store<u32>(at, <u32>(map(<i64>load<u32>(at, 12) + oldRodata) - newRodata), 12);
    at += stackObjectBytes;
  }
}
