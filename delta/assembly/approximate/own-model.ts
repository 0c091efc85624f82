/** Codes bytes of the new file that have no likeness in the old one, from the bytes before them. */
import { actualChunk, newChunk } from './buffers';
import { allocateMixer, ContextMixer, codeMixedByte } from './context-mixer';

/** Bytes that must agree before a repetition is followed. */
const leastRepeat: u32 = 5;
const maxRepeat: u32 = 31;
const hashBits = 18;
const primeA: u32 = 0x9e3779b1;
const primeB: u32 = 0x85ebca6b;

let mixer: ContextMixer = changetype<ContextMixer>(0);
/** The last bytes, as a ring of a power of two. */
let history: usize = 0;
let historyMask: u32 = 0;
/** For each hash of `leastRepeat` bytes where in the history they were followed last, plus 1; 0 for nowhere. */
let places: usize = 0;
let placesMask: u32 = 0;
let end: u32 = 0;
/** Where in the history the bytes so far are repeated, and how many of them agreed. */
let repeat: u32 = 0;
let repeatLength: u32 = 0;
/** The eight bytes before, the nearest lowest. */
let before: u32 = 0;
let earlier: u32 = 0;

/** @param length bytes that will be coded, at most: it sizes the tables of statistics */
export function startOwn(length: u32): void {
  const sizeBits = min(max(33 - <i32>clz(length), 10), 19);
  mixer = allocateMixer(7, sizeBits, 256 * 4, 250);
  historyMask = (1 << min(sizeBits + 2, 22)) - 1;
  history = heap.alloc(historyMask + 1);
  memory.fill(history, 0, historyMask + 1);
  placesMask = (1 << min(sizeBits, hashBits)) - 1;
  places = heap.alloc((placesMask + 1) << 2);
  memory.fill(places, 0, (placesMask + 1) << 2);
  end = repeat = before = earlier = 0;
  repeatLength = 0;
}

/** Tells what precedes the next byte: the last 8 bytes, at most, of the chunk at `newChunk`. */
export function followChunk(length: i32): void {
  for (let i = max(0, length - 8); i < length; i++) push(load<u8>(newChunk + i));
}

/** Codes `length` bytes, from `actualChunk` when encoding, to `newChunk`. */
export function codeOwnChunk(length: i32): void {
  for (let i = 0; i < length; i++) store<u8>(newChunk + i, codeOwnByte(load<u8>(actualChunk + i)));
}

function codeOwnByte(byte: i32): i32 {
  const contexts = mixer.contexts;
  const expected: u32 = load<u8>(history + (repeat & historyMask));
  const trust = repeatLength < 16 ? repeatLength : 8 + (repeatLength >> 1);
  const repeats = repeatLength !== 0;
  const hash = before * primeA;
  store<u32>(contexts, repeats ? expected | (trust << 8) : 0);
  store<u32>(contexts, (before & 0xff) | (1 << 28), 4);
  store<u32>(contexts, (before & 0xffff) | (2 << 28), 8);
  store<u32>(contexts, (before & 0xffffff) | (3 << 28), 12);
  store<u32>(contexts, hash + 4, 16);
  store<u32>(contexts, hash + (earlier & 0xffff) * primeB + 5, 20);
  store<u32>(contexts, repeats ? expected | ((before & 0xff) << 8) | (7 << 28) : (before & 0xf0f0f0) | (6 << 28), 24);
  const weights = !repeats ? 0 : repeatLength < 16 ? 256 : repeatLength < maxRepeat ? 512 : 768;
  const coded = codeMixedByte(mixer, weights, byte);
  if (repeats) {
    repeatLength = <u32>coded === expected ? min(repeatLength + 1, maxRepeat) : 0;
    repeat++;
  }
  push(coded);
  return coded;
}

function push(byte: u32): void {
  earlier = (earlier << 8) | (before >>> 24);
  before = (before << 8) | byte;
  store<u8>(history + (end++ & historyMask), byte);
  const hash = (before * 0x2c1b3c6d + (earlier & 0xff)) * 0x297a2d39;
  const slot = places + (((hash ^ (hash >>> 15)) & placesMask) << 2);
  if (repeatLength === 0) {
    const place = load<u32>(slot);
    if (place !== 0 && end - (place - 1) <= historyMask + 1) resume(place - 1);
  }
  store<u32>(slot, end + 1);
}

/** Follows the repetition that goes on at `place` when its last bytes are the last bytes coded. */
function resume(place: u32): void {
  let agreed: u32 = 0;
  while (
    agreed < maxRepeat &&
    agreed < place &&
    load<u8>(history + ((place - 1 - agreed) & historyMask)) === load<u8>(history + ((end - 1 - agreed) & historyMask))
  ) {
    agreed++;
  }
  if (agreed < leastRepeat) return;
  repeat = place;
  repeatLength = agreed;
}
