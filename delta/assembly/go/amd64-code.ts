/**
 * Finds references in x86-64 code: branches with 8- and 32-bit distances and RIP-relative operands. It walks
 * instruction by instruction and steps over a byte that begins none, so data between functions does no harm.
 */
import { map } from './address-map';
import {
  branch8,
  branch32,
  byteImmediate,
  immediateBytes,
  immediates,
  invalid,
  modrmFollows,
  oneByteOpcodes,
  prefix,
  twoByteOpcodes,
} from './amd64-lengths';
import {
  branch8Shape,
  lengthMask,
  oneByteShapes,
  operandForms,
  otherShape,
  ripRelativeOperand,
  ripRelativeShape,
  scaledOperand,
  scaledShape,
  twoByteShapes,
} from './amd64-shapes';
import { insideFrom, insideTo, lists, newPlaceOf, note, oldBias } from './code-range';

/** `form` of a reference: length of the instruction, plus this for an 8-bit field. */
const shortField: u32 = 0x100;
const longestInstruction: usize = 15;
/** The longest instruction that is decoded at one look, its SIB displacement included: REX, 0F and 14 bytes. */
const quickBytes: usize = 20;

/** Rewrites or lists the references from `from` to `end`; reads nothing outside. */
export function walkAmd64(from: usize, end: usize): void {
  const lastQuick = end - quickBytes;
  const bias = oldBias;
  const leftFrom = insideFrom;
  const leftTo = insideTo;
  let start = from;
  while (start < end) {
    if (start > lastQuick) {
      start = step(start, end);
      continue;
    }
    let opcodeAt = start;
    let word: u32 = load<u16>(opcodeAt);
    let wide: u32 = 0;
    if ((word & 0xf0) === 0x40) {
      wide = word & 8;
      word = load<u16>(++opcodeAt);
    }
    let shape: u32 = otherShape;
    if ((word & 0xff) === 0x0f) {
      opcodeAt++;
      shape = load<u8>(twoByteShapes + <usize>load<u16>(opcodeAt));
    } else if (wide === 0 || (word & 0xf8) !== 0xb8) shape = load<u8>(oneByteShapes + <usize>word);
    const next = opcodeAt + (shape & lengthMask);
    if (shape < scaledShape) {
      start = next;
    } else if (shape < ripRelativeShape) {
      start = (load<u8>(opcodeAt, 2) & 7) === 5 ? next + 4 : next;
    } else if (shape < otherShape) {
      const isShort = shape - branch8Shape < 0x10;
      const field = shape < branch8Shape ? opcodeAt + 2 : opcodeAt + 1;
      const distance: i64 = isShort ? <i64>load<i8>(field) : <i64>load<i32>(field);
      const target = bias + <i64>next + distance;
      if (target < leftFrom || target >= leftTo) {
        refer(field, <u32>(next - start) | (isShort ? shortField : 0), start, target);
      }
      start = next;
    } else start = step(start, end);
  }
}

/** One instruction byte by byte; returns where the next one begins, or `end` when the walk stops. */
function step(start: usize, end: usize): usize {
  let at = start;
  let operandBytes: usize = 4;
  let wide = false;
  let shortAddress = false;
  let byte: u32 = load<u8>(at++);
  let kind: u32 = load<u8>(oneByteOpcodes + byte);
  while (kind === prefix && at < end && at - start < longestInstruction) {
    if (byte === 0x66) operandBytes = 2;
    else if (byte === 0x67) shortAddress = true;
    byte = load<u8>(at++);
    kind = load<u8>(oneByteOpcodes + byte);
  }
  if ((byte & 0xf0) === 0x40) {
    wide = (byte & 8) !== 0;
    byte = at < end ? <u32>load<u8>(at++) : 0x60;
    kind = load<u8>(oneByteOpcodes + byte);
  }
  if (byte === 0x0f) {
    byte = at < end ? <u32>load<u8>(at++) : 0x04;
    kind = load<u8>(twoByteOpcodes + byte);
    if (byte === 0x38) {
      at++;
      kind = modrmFollows;
    } else if (byte === 0x3a) {
      at++;
      kind = modrmFollows | byteImmediate;
    }
  } else if (byte === 0xc5) {
    kind = load<u8>(twoByteOpcodes + (at + 1 < end ? <usize>load<u8>(at, 1) : 0x04));
    at += 2;
  } else if (byte === 0xc4 || byte === 0x62) {
    const opcodeMap: u32 = at < end ? load<u8>(at) & (byte === 0x62 ? 7 : 31) : 0;
    const opcodeAt = at + (byte === 0x62 ? 3 : 2);
    if (opcodeMap === 1) kind = load<u8>(twoByteOpcodes + (opcodeAt < end ? <usize>load<u8>(opcodeAt) : 0x04));
    else if (opcodeMap === 3) kind = modrmFollows | byteImmediate;
    else kind = opcodeMap === 0 ? invalid : modrmFollows;
    at = opcodeAt + 1;
  }
  if ((kind & (invalid | prefix)) !== 0 || at > end) return start + 1;
  let register: u32 = 0;
  let displacementAt: usize = 0;
  if ((kind & modrmFollows) !== 0) {
    if (at >= end) return end;
    const modrm: u32 = load<u8>(at++);
    register = (modrm >>> 3) & 7;
    const operand: u32 = load<u8>(operandForms + modrm);
    if ((operand & scaledOperand) !== 0) {
      if (at >= end) return end;
      const sib: u32 = load<u8>(at++);
      if (modrm >>> 6 === 0 && (sib & 7) === 5) at += 4;
    } else if ((operand & ripRelativeOperand) !== 0) displacementAt = at;
    at += operand & 7;
  }
  const immediate = kind & immediates;
  at += immediateBytes(immediate, register, operandBytes, wide, shortAddress);
  if (at > end) return end;
  if (immediate === branch8) reach(at - 1, <u32>(at - start) | shortField, start, at, load<i8>(at - 1));
  else if (immediate === branch32) reach(at - 4, <u32>(at - start), start, at, load<i32>(at - 4));
  if (displacementAt !== 0) reach(displacementAt, <u32>(at - start), start, at, load<i32>(displacementAt));
  return at;
}

function reach(field: usize, form: u32, instruction: usize, next: usize, distance: i32): void {
  const target = oldBias + <i64>next + <i64>distance;
  if (target < insideFrom || target >= insideTo) refer(field, form, instruction, target);
}

function refer(field: usize, form: u32, instruction: usize, target: i64): void {
  if (lists) note(field, form, instruction, target);
  else writeAmd64(field, form, newPlaceOf(instruction), map(target));
}

/** Rewrites one reference; leaves it alone when the new distance does not fit. */
function writeAmd64(field: usize, form: u32, newInstruction: i64, newTarget: i64): void {
  const distance = newTarget - (newInstruction + <i64>(form & 0xff));
  if ((form & shortField) === 0) store<u32>(field, <u32>distance);
  else if (distance >= -128 && distance <= 127) store<u8>(field, <u8>distance);
}
