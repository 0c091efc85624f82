/**
 * Predicts how stored addresses change when the things that they point to move. A word that looks like a reference in
 * the old file is replaced by the same reference after the move, as far as earlier words of the patch and the patch's
 * own steps have shown where its target went. What it misses is coded as a difference.
 */
import { newChunk, oldChunk } from './buffers';
import {
  arm64Family,
  displacementKind,
  leastPointer,
  markReferences,
  nextMark,
  noFamily,
  x86Family,
} from './reference-marks';

const pageBits = 12;
const exactBits = 16;
const regionBits = 14;
const regionShift = 7;
const unknown: i32 = i32.MIN_VALUE;
const trustGained: i32 = 1;
const trustLost: i32 = 2;
const maxTrust: i32 = 12;

/** B and BL of 64-bit ARM: a signed count of words in the low 26 bits. */
const branchKind = 1;
const branchField: i32 = 0x03ffffff;
const pointerKind = 4;
const tableKind = 5;

let family: i32 = noFamily;
let oldLength: i64 = 0;
let addressBase: i64 = 0;
/** Targets lie below it; those behind the file are memory that it does not store. */
let targetEnd: i64 = 0;
/** For each page of the old file how far the step that covers its start moves it, else as the page before. */
let pageShifts: usize = 0;
let pageCount: i32 = 0;
let exactTargets: usize = 0;
let exactShifts: usize = 0;
let regions: usize = 0;
let regionShifts: usize = 0;
/** How often predicted changes of each kind came true lately; below 0 they are not applied. */
const trust: usize = memory.data(4 * 6, 16);

let length: i32 = 0;
let oldStart: i32 = 0;
let shift: i32 = 0;
/** From here on the bytes of the chunk are the old ones, as far as known. */
let changedEnd: i32 = 0;

/**
 * References found whose true bytes are not known yet, the oldest first: at most one in each 4 bytes of a block, and
 * one before.
 */
const mostWaiting = 16;
let waiting: i32 = 0;
const kinds: usize = memory.data(mostWaiting * 4, 16);
const ends: usize = memory.data(mostWaiting * 4, 16);
const targets: usize = memory.data(mostWaiting * 4, 16);
const words: usize = memory.data(mostWaiting * 4, 16);
const changes: usize = memory.data(mostWaiting * 4, 16);

/** End in the chunk of the reference found last, 0 when none waits; bytes before it are predicted. */
export let wordEnd: i32 = 0;
/** Kind of the reference found last: 1 to 3 displacement (call, operand, jump), 4 pointer, 5 table. */
export let kind: i32 = 0;

/** Whether references are predicted. */
export function moves(): bool {
  return family !== noFamily;
}

/**
 * To be followed by `movePages` for each step, and `settlePages`.
 * @param base virtual address of the old file's first byte, 0 when it has none
 */
export function startReferences(newFamily: i32, length: i32, base: u32): void {
  family = newFamily;
  oldLength = length;
  addressBase = base;
  targetEnd = min(oldLength + (oldLength >> 2), 0x7fffffff);
  memory.fill(trust, 0, 4 * 6);
  pageCount = 0;
  if (family === noFamily) return;
  pageCount = (length >> pageBits) + 1;
  pageShifts = heap.alloc(pageCount << 2);
  for (let page = 0; page < pageCount; page++) store<i32>(pageShifts + (page << 2), unknown);
  exactTargets = heap.alloc(4 << exactBits);
  exactShifts = heap.alloc(4 << exactBits);
  regions = heap.alloc(4 << regionBits);
  regionShifts = heap.alloc(4 << regionBits);
  memory.fill(exactTargets, 0xff, 4 << exactBits);
  memory.fill(exactShifts, 0, 4 << exactBits);
  memory.fill(regions, 0xff, 4 << regionBits);
  memory.fill(regionShifts, 0, 4 << regionBits);
}

/** A step takes `alike` bytes from `oldAt` on, and moves them by `moved`. */
export function movePages(oldAt: i32, alike: i32, moved: i32): void {
  if (family === noFamily) return;
  const last = <i32>((<i64>oldAt + alike) >> pageBits);
  const first = <i32>((<i64>oldAt + (1 << pageBits) - 1) >> pageBits);
  for (let page = first; page < last; page++) store<i32>(pageShifts + (page << 2), moved);
}

/** After all steps: pages that none covers move as the one before. */
export function settlePages(): void {
  for (let page = 1; page < pageCount; page++) {
    const at = pageShifts + (page << 2);
    if (load<i32>(at) === unknown) store<i32>(at, load<i32>(at - 4));
  }
}

/**
 * Starts a chunk: references do not cross its ends.
 * @param start position of the chunk in the old file
 * @param chunkShift position of the chunk in the new file minus that in the old one
 */
export function startChunk(chunkLength: i32, start: i32, chunkShift: i32): void {
  length = chunkLength;
  oldStart = start;
  shift = chunkShift;
  waiting = 0;
  changedEnd = 0;
  wordEnd = 0;
  markReferences(family, length, oldStart, addressBase, targetEnd);
}

/** Puts the predicted bytes of each reference that starts from `start` to before `end` in place. */
export function predict(start: i32, end: i32): void {
  if (family === noFamily) return;
  const last = min(end, length - 3);
  let at = max(max(start, wordEnd), 1);
  while (at < last) {
    if (at >= changedEnd + 8) {
      at = nextMark(at, last);
      if (at >= last) return;
    }
    const aligned = ((oldStart + at) & 3) === 0;
    let found = false;
    if (family === x86Family) {
      const kind = displacementKind(load<u8>(oldChunk + at - 1));
      if (kind !== 0 && (kind !== 3 || (at > 1 && load<u8>(oldChunk + at - 2) === 0x0f))) {
        found = findDisplacement(at, kind);
      }
    } else if (aligned) found = findBranch(at);
    at += found || (aligned && findWord(at)) ? 4 : 1;
  }
}

/** To be told of every other byte of the chunk that becomes known to differ from the old one. */
export function changed(at: i32): void {
  if (at >= changedEnd) changedEnd = at + 1;
}

/** Takes back the references that were found at `at` or behind it. */
export function rewind(at: i32): void {
  if (waiting === 0 || wordEnd <= at + 3) return;
  const predictedEnd = wordEnd;
  while (waiting > 0 && load<i32>(ends + ((waiting - 1) << 2)) - 4 >= at) waiting--;
  nameLast();
  for (let i = max(at, wordEnd); i < predictedEnd; i++) store<u8>(newChunk + i, load<u8>(oldChunk + i));
}

/** Learns from the references that end at or before `at`, where the new bytes are the true ones. */
export function learn(at: i32): void {
  if (waiting === 0) return;
  let kept = 0;
  for (let i = 0; i < waiting << 2; i += 4) {
    const end = load<i32>(ends + i);
    if (end > at) {
      store<i32>(kinds + kept, load<i32>(kinds + i));
      store<i32>(ends + kept, end);
      store<i32>(targets + kept, load<i32>(targets + i));
      store<i32>(words + kept, load<i32>(words + i));
      store<i32>(changes + kept, load<i32>(changes + i));
      kept += 4;
    } else {
      learnOne(i, load<i32>(newChunk + end - 4));
    }
  }
  waiting = kept >> 2;
  nameLast();
}

function nameLast(): void {
  wordEnd = waiting === 0 ? 0 : load<i32>(ends + ((waiting - 1) << 2));
  kind = waiting === 0 ? 0 : load<i32>(kinds + ((waiting - 1) << 2));
}

function learnOne(at: i32, freshWord: i32): void {
  const kind = load<i32>(kinds + at);
  const change = freshWord - load<i32>(words + at);
  const predicted = load<i32>(changes + at);
  const trusted = load<i32>(trust + (kind << 2));
  if (predicted !== 0 || change !== 0) {
    const taught = predicted === change ? trusted + trustGained : trusted - trustLost;
    store<i32>(trust + (kind << 2), min(max(taught, -maxTrust), maxTrust));
  }
  if (kind === tableKind || (trusted < 0 && predicted !== change)) return;
  const target = load<i32>(targets + at);
  const moved = kind === pointerKind ? change : distanceChange(change) + shift;
  const exact = exactIndex(target);
  store<i32>(exactTargets + exact, target);
  store<i32>(exactShifts + exact, moved);
  const region = regionIndex(target);
  store<i32>(regions + region, target >> regionShift);
  store<i32>(regionShifts + region, moved);
}

/** From the change of a word to that of the distance it holds, in bytes. */
function distanceChange(change: i32): i32 {
  return family === arm64Family ? (change << 6) >> 4 : change;
}

/** A displacement counts from its end; a target outside the program is none. */
function findDisplacement(at: i32, kind: i32): bool {
  const word = load<i32>(oldChunk + at);
  const target = <i64>oldStart + at + 4 + word;
  if (target < 0 || target >= targetEnd) return false;
  const moved = shiftOf(<i32>target);
  found(at, kind, <i32>target, word, moved === unknown ? 0 : moved - shift);
  return true;
}

function findBranch(at: i32): bool {
  const word = load<i32>(oldChunk + at);
  if ((word & 0x7c000000) !== 0x14000000) return false;
  const target = <i64>oldStart + at + ((word << 6) >> 4);
  if (target < 0 || target >= targetEnd) return false;
  const moved = shiftOf(<i32>target);
  const change = moved === unknown ? 0 : moved - shift;
  // The change of the word keeps the instruction's other bits.
  const rewritten = (word & ~branchField) | ((word + (change >> 2)) & branchField);
  found(at, branchKind, <i32>target, word, rewritten - word);
  return true;
}

/** An aligned pointer of 8 bytes, or one more entry of a table whose last two entries, 8 bytes each, moved alike. */
function findWord(at: i32): bool {
  const word = load<i32>(oldChunk + at);
  if (((oldStart + at) & 7) === 0 && at + 8 <= length && load<i32>(oldChunk + at + 4) === 0) {
    const target = <i64>word - addressBase;
    if (target > leastPointer && target < targetEnd) {
      const moved = shiftOf(<i32>target);
      found(at, pointerKind, <i32>target, word, moved === unknown ? 0 : moved);
      return true;
    }
  }
  if (at < 16 || at - 8 >= changedEnd) return false;
  const change = load<i32>(newChunk + at - 8) - load<i32>(oldChunk + at - 8);
  if (change === 0) return false;
  if (change !== load<i32>(newChunk + at - 16) - load<i32>(oldChunk + at - 16)) return false;
  found(at, tableKind, 0, word, change);
  return true;
}

function found(at: i32, newKind: i32, target: i32, word: i32, change: i32): void {
  if (waiting === mostWaiting) unreachable();
  const index = waiting++ << 2;
  store<i32>(kinds + index, newKind);
  store<i32>(ends + index, at + 4);
  store<i32>(targets + index, target);
  store<i32>(words + index, word);
  store<i32>(changes + index, change);
  wordEnd = at + 4;
  kind = newKind;
  if (change === 0 || load<i32>(trust + (newKind << 2)) < 0) return;
  store<i32>(newChunk + at, word + change);
  if (at + 4 > changedEnd) changedEnd = at + 4;
}

function shiftOf(target: i32): i32 {
  const exact = exactIndex(target);
  if (load<i32>(exactTargets + exact) === target) return load<i32>(exactShifts + exact);
  const region = regionIndex(target);
  if (load<i32>(regions + region) === target >> regionShift) return load<i32>(regionShifts + region);
  return target < oldLength ? load<i32>(pageShifts + ((target >> pageBits) << 2)) : unknown;
}

/** In bytes from the start of its tables. */
function exactIndex(target: i32): usize {
  return ((<u32>target * 0x2c1b3c6d) >>> (32 - exactBits)) << 2;
}

function regionIndex(target: i32): usize {
  return ((target >> regionShift) & ((1 << regionBits) - 1)) << 2;
}
