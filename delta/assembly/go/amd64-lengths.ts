/**
 * Holds the tables behind the length of an x86-64 instruction (Intel SDM vol. 2, appendix A): for each opcode whether a
 * ModRM byte follows and which immediate. Opcodes invalid in 64-bit mode are marked.
 */

export const modrmFollows: u32 = 0x80;
export const invalid: u32 = 0x40;
export const prefix: u32 = 0x20;
/** Mask of the kinds below. */
export const immediates: u32 = 0x0f;
export const noImmediate: u32 = 0;
export const byteImmediate: u32 = 1;
export const wordImmediate: u32 = 2;
/** Two or four bytes by operand size. */
export const operandImmediate: u32 = 3;
/** Like `operandImmediate`, eight bytes under REX.W. */
export const wideImmediate: u32 = 4;
export const branch8: u32 = 5;
export const branch32: u32 = 6;
/** Eight bytes of address, four under the address-size prefix. */
export const offsetImmediate: u32 = 7;
/** A word and a byte. */
export const enterImmediates: u32 = 8;
/** A byte when the ModRM register field is 0 or 1. */
export const testByte: u32 = 9;
/** An operand when the ModRM register field is 0 or 1. */
export const testOperand: u32 = 10;

/** One-byte opcodes. REX, VEX, EVEX and the 0F escape are the walker's to handle. */
export const oneByteOpcodes: usize = memory.data(256, 16);
/** Opcodes behind 0F, which VEX map 1 shares. */
export const twoByteOpcodes: usize = memory.data(256, 16);
fillOneByte();
fillTwoByte();

function fill(table: usize, from: u32, to: u32, value: u32): void {
  memory.fill(table + from, <u8>value, to - from + 1);
}

function fillEach(table: usize, opcodes: usize, count: usize, value: u32): void {
  for (let i: usize = 0; i < count; i++) store<u8>(table + load<u8>(opcodes + i), value);
}

function fillOneByte(): void {
  const table = oneByteOpcodes;
  for (let row: u32 = 0; row < 0x40; row += 8) {
    fill(table, row, row + 3, modrmFollows);
    fill(table, row + 4, row + 4, byteImmediate);
    fill(table, row + 5, row + 5, operandImmediate);
    fill(table, row + 6, row + 7, invalid);
  }
  const prefixes = memory.data<u8>([0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3]);
  fillEach(table, prefixes, 11, prefix);
  fillEach(table, memory.data<u8>([0x60, 0x61, 0x82, 0x9a, 0xce, 0xd4, 0xd5, 0xd6, 0xea]), 9, invalid);
  fill(table, 0x63, 0x63, modrmFollows);
  fill(table, 0x68, 0x68, operandImmediate);
  fill(table, 0x69, 0x69, modrmFollows | operandImmediate);
  fill(table, 0x6a, 0x6a, byteImmediate);
  fill(table, 0x6b, 0x6b, modrmFollows | byteImmediate);
  fill(table, 0x70, 0x7f, branch8);
  fillEach(table, memory.data<u8>([0x80, 0x83]), 2, modrmFollows | byteImmediate);
  fill(table, 0x81, 0x81, modrmFollows | operandImmediate);
  fill(table, 0x84, 0x8f, modrmFollows);
  fill(table, 0xa0, 0xa3, offsetImmediate);
  fill(table, 0xa8, 0xa8, byteImmediate);
  fill(table, 0xa9, 0xa9, operandImmediate);
  fill(table, 0xb0, 0xb7, byteImmediate);
  fill(table, 0xb8, 0xbf, wideImmediate);
  fill(table, 0xc0, 0xc1, modrmFollows | byteImmediate);
  fillEach(table, memory.data<u8>([0xc2, 0xca]), 2, wordImmediate);
  fill(table, 0xc6, 0xc6, modrmFollows | byteImmediate);
  fill(table, 0xc7, 0xc7, modrmFollows | operandImmediate);
  fill(table, 0xc8, 0xc8, enterImmediates);
  fill(table, 0xcd, 0xcd, byteImmediate);
  fill(table, 0xd0, 0xd3, modrmFollows);
  fill(table, 0xd8, 0xdf, modrmFollows);
  fill(table, 0xe0, 0xe3, branch8);
  fill(table, 0xe4, 0xe7, byteImmediate);
  fill(table, 0xe8, 0xe9, branch32);
  fill(table, 0xeb, 0xeb, branch8);
  fill(table, 0xf6, 0xf6, modrmFollows | testByte);
  fill(table, 0xf7, 0xf7, modrmFollows | testOperand);
  fill(table, 0xfe, 0xff, modrmFollows);
}

function fillTwoByte(): void {
  const table = twoByteOpcodes;
  fill(table, 0x00, 0xff, modrmFollows);
  const bare = memory.data<u8>([0x05, 0x06, 0x07, 0x08, 0x09, 0x0b, 0x0e, 0x77, 0xa0, 0xa1, 0xa2, 0xa8, 0xa9, 0xaa]);
  fillEach(table, bare, 14, noImmediate);
  fill(table, 0x30, 0x37, noImmediate);
  fill(table, 0xc8, 0xcf, noImmediate);
  fillEach(table, memory.data<u8>([0x04, 0x0a, 0x0c]), 3, invalid);
  const short = memory.data<u8>([0x0f, 0x70, 0x71, 0x72, 0x73, 0xa4, 0xac, 0xba, 0xc2, 0xc4, 0xc5, 0xc6]);
  fillEach(table, short, 12, modrmFollows | byteImmediate);
  fill(table, 0x80, 0x8f, branch32);
}

/**
 * Bytes of an immediate.
 * @param register of the ModRM byte
 * @param operandBytes 2 or 4, by prefix
 * @param wide under REX.W
 * @param shortAddress under the address-size prefix
 */
export function immediateBytes(
  immediate: u32,
  register: u32,
  operandBytes: usize,
  wide: bool,
  shortAddress: bool,
): usize {
  if (immediate === byteImmediate || immediate === branch8) return 1;
  if (immediate === wordImmediate) return 2;
  if (immediate === operandImmediate) return operandBytes;
  if (immediate === wideImmediate) return wide ? 8 : operandBytes;
  if (immediate === branch32) return 4;
  if (immediate === offsetImmediate) return shortAddress ? 4 : 8;
  if (immediate === enterImmediates) return 3;
  if (immediate === testByte) return register < 2 ? 1 : 0;
  if (immediate === testOperand) return register < 2 ? operandBytes : 0;
  return 0;
}
