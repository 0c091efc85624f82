/**
 * Codes the bytes of the new file that resemble bytes of the old one: block by block, in a block that differs from its
 * prediction word by word, in such a word byte by byte. Encoder and decoder run the same code, so they agree on every
 * context.
 */
import { allocateAdaptiveBits, codeAdaptiveBit } from './adaptive-bits';
import { actualChunk, newChunk, oldChunk } from './buffers';
import { allocateMixer, ContextMixer, codeMixedBit, codeMixedByte } from './context-mixer';
import * as references from './moved-references';
import { encodes } from './range-coder';

const blockBytes = 32;
/** Blocks are coded in groups where no references move. */
const groupBytes = 1024;
const runHistory: u32 = 0xfff;

let groups: usize = 0;
let blocks: usize = 0;
let words: ContextMixer = changetype<ContextMixer>(0);
let flags: ContextMixer = changetype<ContextMixer>(0);
let values: ContextMixer = changetype<ContextMixer>(0);

let length: i32 = 0;
let oldStart: i32 = 0;
/** The last groups, blocks, words and bytes, 1 where one differed from its prediction, the newest in the lowest bit. */
let groupHistory: u32 = 0;
let blockHistory: u32 = 0;
let wordHistory: u32 = 0;
let missHistory: u32 = 0;
let lastMiss: i32 = 0;
let missBefore: i32 = 0;
let sinceMiss: i32 = 0;

/** @param tableBits size of the larger tables of statistics, a power of two */
export function startAlike(tableBits: i32): void {
  groups = allocateAdaptiveBits(1 << 12);
  blocks = allocateAdaptiveBits(1 << 12);
  words = allocateMixer(5, tableBits - 2, 32, 250);
  flags = allocateMixer(5, tableBits - 2, 16, 250);
  values = allocateMixer(6, tableBits, 256, 120);
  groupHistory = blockHistory = wordHistory = missHistory = 0;
  lastMiss = missBefore = sinceMiss = 0;
}

/**
 * Codes the chunk of the new file that resembles the one at `oldChunk`, from `actualChunk` when encoding, to
 * `newChunk`.
 * @param start position of the chunk in the old file
 * @param newStart position of the chunk in the new file
 */
export function codeAlikeChunk(chunkLength: i32, start: i32, newStart: i32): void {
  length = chunkLength;
  oldStart = start;
  memory.copy(newChunk, oldChunk, length);
  references.startChunk(length, oldStart, newStart - oldStart);
  if (references.moves()) codeBlocks(0, length);
  else codeGroups();
}

function codeGroups(): void {
  for (let start = 0; start < length; start += groupBytes) {
    const end = min(start + groupBytes, length);
    const differ = codeAdaptiveBit(groups, groupHistory & runHistory, differs(start, end));
    groupHistory = (groupHistory << 1) | differ;
    if (differ !== 0) {
      codeBlocks(start, end);
      continue;
    }
    blockHistory = 0;
    missHistory = 0;
    wordHistory = 0;
    sinceMiss += end - start;
  }
}

function codeBlocks(from: i32, to: i32): void {
  for (let start = from; start < to; start += blockBytes) {
    const end = min(start + blockBytes, to);
    references.predict(start, end);
    const differ = codeAdaptiveBit(blocks, blockHistory & runHistory, differs(start, end));
    blockHistory = (blockHistory << 1) | differ;
    if (differ !== 0) {
      references.rewind(start);
      codeWords(start, end);
    } else {
      references.learn(end);
      missHistory = 0;
      wordHistory <<= 8;
      sinceMiss += end - start;
    }
  }
}

function differs(start: i32, end: i32): i32 {
  if (!encodes) return 0;
  return memory.compare(newChunk + start, actualChunk + start, end - start) !== 0 ? 1 : 0;
}

function codeWords(start: i32, end: i32): void {
  for (let from = start; from < end; ) {
    const to = min(((oldStart + from + 4) & ~3) - oldStart, end);
    references.predict(from, to);
    const differ = codeWord(from, differs(from, to));
    wordHistory = (wordHistory << 1) | differ;
    if (differ !== 0) {
      references.rewind(from);
      codeBytes(from, to);
    } else {
      references.learn(to);
      missHistory <<= to - from;
      sinceMiss += to - from;
    }
    from = to;
  }
}

function codeWord(at: i32, differ: i32): i32 {
  const contexts = words.contexts;
  const history = wordHistory;
  const place = placeOf(at);
  const phase: u32 = ((oldStart + at) >> 2) & 3;
  const high: u32 = at + 3 < length ? load<u8>(oldChunk + at, 3) : 256;
  const third: u32 = at + 2 < length ? load<u8>(oldChunk + at, 2) : 256;
  const before: u32 = at > 0 ? load<u8>(oldChunk + at - 1) : 0;
  store<u32>(contexts, place | ((history & 0xff) << 8));
  store<u32>(contexts, phase | ((history & 0xffff) << 8) | (1 << 28), 4);
  store<u32>(contexts, high | (third << 9) | (place << 18) | (2 << 28), 8);
  store<u32>(contexts, high | (before << 9) | ((history & 0xf) << 18) | (3 << 28), 12);
  store<u32>(contexts, min(sinceMiss, 127) | (lastMiss << 8) | (phase << 16) | (4 << 28), 16);
  return codeMixedBit(words, (history & 7) | (place > 3 ? 8 : 0) | (high === 0 ? 16 : 0), differ);
}

function codeBytes(start: i32, end: i32): void {
  for (let at = start; at < end; at++) {
    references.predict(at, at + 1);
    const actual: u32 = encodes ? load<u8>(actualChunk + at) : 0;
    const expected: u32 = load<u8>(newChunk + at);
    const place = placeOf(at);
    if (codeFlag(at, place, actual === expected ? 0 : 1) !== 0) {
      const difference = codeValue(at, place, (actual - expected) & 0xff);
      store<u8>(newChunk + at, expected + difference);
      references.changed(at);
      missBefore = lastMiss;
      lastMiss = difference;
      sinceMiss = 0;
      missHistory = (missHistory << 1) | 1;
    } else {
      sinceMiss++;
      missHistory <<= 1;
    }
    references.learn(at + 1);
  }
}

/** Which byte of which kind of reference, 4 to 23, or of an aligned word, 0 to 3. */
function placeOf(at: i32): u32 {
  const left = references.wordEnd - at;
  return left > 0 && left <= 4 ? references.kind * 4 + 4 - left : (oldStart + at) & 3;
}

function codeFlag(at: i32, place: u32, miss: i32): i32 {
  const contexts = flags.contexts;
  const history = missHistory;
  const byte: u32 = load<u8>(newChunk + at);
  const before: u32 = at > 0 ? load<u8>(newChunk + at - 1) : 0;
  store<u32>(contexts, place | ((history & 0xff) << 8));
  store<u32>(contexts, ((oldStart + at) & 7) | ((history & 0xfff) << 8) | (1 << 28), 4);
  store<u32>(contexts, place | (byte << 8) | (before << 16) | (2 << 28), 8);
  store<u32>(contexts, byte | ((history & 7) << 8) | (place << 12) | (3 << 28), 12);
  store<u32>(contexts, place | ((history & 1 ? lastMiss : 0) << 8) | (4 << 28), 16);
  return codeMixedBit(flags, (history & 7) | (place > 3 ? 8 : 0), miss);
}

function codeValue(at: i32, place: u32, difference: i32): i32 {
  const contexts = values.contexts;
  const history = missHistory;
  const byte: u32 = load<u8>(newChunk + at);
  const before: u32 = at > 0 ? load<u8>(newChunk + at - 1) : 0;
  const twoBefore: u32 = at > 1 ? load<u8>(newChunk + at - 2) : 0;
  const adjacent = history & 1 ? lastMiss : 0;
  store<u32>(contexts, place);
  store<u32>(contexts, adjacent | (place << 8) | (1 << 28), 4);
  store<u32>(contexts, lastMiss | (missBefore << 8) | ((history & 3) << 16) | (2 << 28), 8);
  store<u32>(contexts, byte | (before << 8) | (3 << 28), 12);
  store<u32>(contexts, byte | (before << 8) | (twoBefore << 16) | (4 << 28), 16);
  store<u32>(contexts, changeAt(at - 8) | (changeAt(at - 4) << 8) | (5 << 28), 20);
  return codeMixedByte(values, 0, difference);
}

function changeAt(at: i32): u32 {
  return at < 0 ? 0 : (load<u8>(newChunk + at) - load<u8>(oldChunk + at)) & 0xff;
}
