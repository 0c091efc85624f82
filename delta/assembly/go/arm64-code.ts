/**
 * Finds references in AArch64 code (Arm ARM C4.1): B, BL, B.cond, CBZ, TBZ, LDR literal, ADR, and ADRP with the ADD,
 * load or store behind it that completes the address.
 */
import { map } from './address-map';
import { insideFrom, insideTo, lists, newPlaceOf, note, oldBias } from './code-range';

/** `form` of a reference. */
const branch26: u32 = 0;
const branch19: u32 = 1;
const branch14: u32 = 2;
const adr: u32 = 3;
const pageAlone: u32 = 4;
const pageAdd: u32 = 5;
const pageAccess: u32 = 6;

/** For the highest byte of an instruction 1 when it may be one that refers to an address. */
const mayRefer: usize = memory.data(256, 16);
for (let top: u32 = 0; top < 256; top++) {
  const branches = (top & 0x7c) === 0x14 || (top & 0x7c) === 0x34 || top === 0x54;
  store<u8>(mayRefer + top, branches || (top & 0x3b) === 0x18 || (top & 0x1f) === 0x10 ? 1 : 0);
}

/** Rewrites or lists the references in the words from `from` to `end`; reads nothing outside. */
export function walkArm64(from: usize, end: usize): void {
  const last = from + ((end - from) & ~3);
  for (let at = from; at < last; at += 4) {
    if (load<u8>(mayRefer + load<u8>(at, 3)) !== 0) visit(at, last);
  }
}

function visit(at: usize, end: usize): void {
  const word = load<i32>(at);
  const top: u32 = <u32>word >>> 24;
  const address = oldBias + <i64>at;
  if ((top & 0x7c) === 0x14) {
    reach(at, branch26, address + <i64>((word << 6) >> 4));
  } else if (top === 0x54 || (top & 0x7e) === 0x34 || (top & 0x3b) === 0x18) {
    reach(at, branch19, address + <i64>(((word << 8) >> 13) << 2));
  } else if ((top & 0x7e) === 0x36) {
    reach(at, branch14, address + <i64>(((word << 13) >> 18) << 2));
  } else if ((top & 0x9f) === 0x10) {
    reach(at, adr, address + <i64>splitImmediate(word));
  } else if ((top & 0x9f) === 0x90) {
    const page = (address & ~4095) + ((<i64>splitImmediate(word)) << 12);
    const next: u32 = at + 4 < end ? load<u32>(at, 4) : 0;
    const sameRegister = ((next >>> 5) & 31) === (<u32>word & 31);
    if (sameRegister && next >>> 22 === 0x244) {
      reach(at, pageAdd, page + <i64>((next >>> 10) & 0xfff));
    } else if (sameRegister && (next & 0x3b000000) === 0x39000000 && accessOffset(next) < 4096) {
      reach(at, pageAccess, page + <i64>accessOffset(next));
    } else {
      reach(at, pageAlone, page);
    }
  }
}

function reach(at: usize, form: u32, target: i64): void {
  if (target >= insideFrom && target < insideTo) return;
  if (lists) note(at, form, at, target);
  else writeArm64(at, form, newPlaceOf(at), map(target));
}

/** Rewrites one reference; leaves it alone when its new value cannot be written. */
function writeArm64(at: usize, form: u32, newInstruction: i64, newTarget: i64): void {
  if (newTarget < 0) return;
  const word = load<u32>(at);
  const distance = newTarget - newInstruction;
  if (form === adr) {
    store<u32>(at, withSplitImmediate(word, <i32>distance));
  } else if (form >= pageAlone) {
    const pages = (newTarget >> 12) - (newInstruction >> 12);
    const low = <u32>newTarget & 4095;
    const scale: u32 = form === pageAccess ? accessScale(load<u32>(at, 4)) : 0;
    if ((low & ((1 << scale) - 1)) !== 0) return;
    store<u32>(at, withSplitImmediate(word, <i32>pages));
    if (form !== pageAlone) store<u32>(at, (load<u32>(at, 4) & ~0x3ffc00) | ((low >>> scale) << 10), 4);
  } else if ((distance & 3) === 0) {
    const words = <u32>(<i32>distance >> 2);
    if (form === branch26) store<u32>(at, (word & ~0x3ffffff) | (words & 0x3ffffff));
    else if (form === branch19) store<u32>(at, (word & ~0xffffe0) | ((words & 0x7ffff) << 5));
    else store<u32>(at, (word & ~0x7ffe0) | ((words & 0x3fff) << 5));
  }
}

/** The signed 21-bit immediate of ADR and ADRP. */
function splitImmediate(word: i32): i32 {
  return (((word << 8) >> 13) << 2) | ((word >>> 29) & 3);
}

function withSplitImmediate(word: u32, value: i32): u32 {
  return (word & ~0x60ffffe0) | ((value & 3) << 29) | (((value >> 2) & 0x7ffff) << 5);
}

/** Log2 of the unit that a load or store counts its offset in. */
function accessScale(word: u32): u32 {
  return (word & 0x04800000) === 0x04800000 ? 4 : word >>> 30;
}

/** Bytes; one beyond the page that ADRP names would not come out the same when it is written. */
function accessOffset(word: u32): u32 {
  return ((word >>> 10) & 0xfff) << accessScale(word);
}
