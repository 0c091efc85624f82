/**
 * The tables behind the length of an x86-64 instruction (Intel SDM vol. 2, appendix A): for each opcode whether a
 * ModRM byte follows and which immediate. Opcodes invalid in 64-bit mode are marked.
 */

export const follows = {
  modrm: 0x80,
  invalid: 0x40,
  prefix: 0x20,
  /** Mask of the kinds below. */
  immediate: 0x0f,
  none: 0,
  byte: 1,
  word: 2,
  /** Two or four bytes by operand size. */
  operand: 3,
  /** Like `operand`, eight bytes under REX.W. */
  wide: 4,
  branch8: 5,
  branch32: 6,
  /** Eight bytes of address, four under the address-size prefix. */
  offset: 7,
  enter: 8,
  /** A byte when the ModRM register field is 0 or 1. */
  testByte: 9,
  /** An operand when the ModRM register field is 0 or 1. */
  testOperand: 10,
} as const;

function fill(table: Uint8Array, from: number, to: number, value: number): void {
  table.fill(value, from, to + 1);
}

/** One-byte opcodes. REX, VEX, EVEX and the 0F escape are the walker's to handle. */
export const oneByteOpcodes = oneByteTable();
/** Opcodes behind 0F, which VEX map 1 shares. */
export const twoByteOpcodes = twoByteTable();

function oneByteTable(): Uint8Array {
  const table = new Uint8Array(256);
  for (let row = 0; row < 0x40; row += 8) {
    fill(table, row, row + 3, follows.modrm);
    table[row + 4] = follows.byte;
    table[row + 5] = follows.operand;
    fill(table, row + 6, row + 7, follows.invalid);
  }
  for (const prefix of [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3])
    table[prefix] = follows.prefix;
  for (const invalid of [0x60, 0x61, 0x82, 0x9a, 0xce, 0xd4, 0xd5, 0xd6, 0xea]) table[invalid] = follows.invalid;
  table[0x63] = follows.modrm;
  table[0x68] = follows.operand;
  table[0x69] = follows.modrm | follows.operand;
  table[0x6a] = follows.byte;
  table[0x6b] = follows.modrm | follows.byte;
  fill(table, 0x70, 0x7f, follows.branch8);
  table[0x80] = table[0x83] = follows.modrm | follows.byte;
  table[0x81] = follows.modrm | follows.operand;
  fill(table, 0x84, 0x8f, follows.modrm);
  fill(table, 0xa0, 0xa3, follows.offset);
  table[0xa8] = follows.byte;
  table[0xa9] = follows.operand;
  fill(table, 0xb0, 0xb7, follows.byte);
  fill(table, 0xb8, 0xbf, follows.wide);
  fill(table, 0xc0, 0xc1, follows.modrm | follows.byte);
  table[0xc2] = table[0xca] = follows.word;
  table[0xc6] = follows.modrm | follows.byte;
  table[0xc7] = follows.modrm | follows.operand;
  table[0xc8] = follows.enter;
  table[0xcd] = follows.byte;
  fill(table, 0xd0, 0xd3, follows.modrm);
  fill(table, 0xd8, 0xdf, follows.modrm);
  fill(table, 0xe0, 0xe3, follows.branch8);
  fill(table, 0xe4, 0xe7, follows.byte);
  fill(table, 0xe8, 0xe9, follows.branch32);
  table[0xeb] = follows.branch8;
  table[0xf6] = follows.modrm | follows.testByte;
  table[0xf7] = follows.modrm | follows.testOperand;
  fill(table, 0xfe, 0xff, follows.modrm);
  return table;
}

function twoByteTable(): Uint8Array {
  const table = new Uint8Array(256).fill(follows.modrm);
  for (const bare of [0x05, 0x06, 0x07, 0x08, 0x09, 0x0b, 0x0e, 0x77, 0xa0, 0xa1, 0xa2, 0xa8, 0xa9, 0xaa]) {
    table[bare] = follows.none;
  }
  fill(table, 0x30, 0x37, follows.none);
  fill(table, 0xc8, 0xcf, follows.none);
  for (const invalid of [0x04, 0x0a, 0x0c]) table[invalid] = follows.invalid;
  for (const short of [0x0f, 0x70, 0x71, 0x72, 0x73, 0xa4, 0xac, 0xba, 0xc2, 0xc4, 0xc5, 0xc6]) {
    table[short] = follows.modrm | follows.byte;
  }
  fill(table, 0x80, 0x8f, follows.branch32);
  return table;
}
