/**
 * Codes bits by a binary range coder (Martin 1979, carries as in LZMA): 32-bit range, 16-bit probabilities. Both ends
 * are here, so that the models are written once: `code` decodes a bit, or encodes the one that it is given.
 */

/**
 * Gives the next bytes of the stream at `streamBuffer`, as many as it says, at least one; throws when none are left.
 */
declare function fill(): i32;

/** Takes bytes of the stream at `streamBuffer`. */
declare function drain(length: i32): void;

export const streamBufferBytes: i32 = 16 * 1024;
export const streamBuffer: usize = memory.data(streamBufferBytes, 16);

/** Which end this is. */
export let encodes: bool = false;
let range: u32 = 0;
/** Where the next byte of the stream is, and the end of those that are there. */
let next: usize = 0;
let end: usize = 0;

/** Decoding: the bytes that the range is compared with. */
let value: u32 = 0;

/** Encoding: below 2^33; the bit 2^32 is a carry into bytes that wait. */
let low: u64 = 0;
/** The last byte that a carry can still change, or -1 before the first. */
let waiting: i32 = -1;
/** Bytes of 255 behind it, which a carry turns to 0. */
let waitingFull: i32 = 0;

export function startDecoding(): void {
  encodes = false;
  range = 0xffffffff;
  next = end = streamBuffer;
  value = 0;
  for (let i = 0; i < 4; i++) value = (value << 8) | nextByte();
}

/** Bytes that were given and not read. */
export function bytesLeft(): i32 {
  return <i32>(end - next);
}

export function startEncoding(): void {
  encodes = true;
  range = 0xffffffff;
  next = streamBuffer;
  low = 0;
  waiting = -1;
  waitingFull = 0;
}

/** Ends the stream; `drain` has all of it then. */
export function finishEncoding(): void {
  for (let i = 0; i < 4; i++) shift();
  emitWaiting(0);
  drain(<i32>(next - streamBuffer));
  next = streamBuffer;
}

/**
 * Codes one bit.
 * @param bit 0 or 1; ignored when decoding
 * @param probability that it is 1, in 1/65536, from 1 to 65535
 */
export function code(bit: i32, probability: u32): i32 {
  const bound = (range >>> 16) * probability;
  if (encodes) return encode(bit, bound);
  let coded = 0;
  if (value < bound) {
    range = bound;
    coded = 1;
  } else {
    range -= bound;
    value -= bound;
  }
  while (range < 0x1000000) {
    range <<= 8;
    value = (value << 8) | nextByte();
  }
  return coded;
}

/** Codes the low `count` bits of `bits` as equally likely, the highest first; `count` is 0 to 32. */
export function codePlainBits(bits: u32, count: i32): u32 {
  let result: u32 = 0;
  for (let i = count - 1; i >= 0; i--) result = (result << 1) | code((bits >>> i) & 1, 0x8000);
  return result;
}

function encode(bit: i32, bound: u32): i32 {
  if (bit !== 0) {
    range = bound;
  } else {
    low += bound;
    range -= bound;
  }
  while (range < 0x1000000) {
    range <<= 8;
    shift();
  }
  return bit;
}

function shift(): void {
  const top = <i32>(low >>> 24);
  if (top !== 0xff) {
    emitWaiting(top >>> 8);
    waiting = top & 0xff;
  } else {
    waitingFull++;
  }
  low = (low & 0xffffff) << 8;
}

function emitWaiting(carry: i32): void {
  if (waiting >= 0) emit(waiting + carry);
  for (; waitingFull > 0; waitingFull--) emit(0xff + carry);
}

function emit(byte: i32): void {
  if (next === streamBuffer + streamBufferBytes) {
    drain(streamBufferBytes);
    next = streamBuffer;
  }
  store<u8>(next++, byte);
}

function nextByte(): u32 {
  if (next === end) {
    next = streamBuffer;
    end = streamBuffer + fill();
  }
  return load<u8>(next++);
}
