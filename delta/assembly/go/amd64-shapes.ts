/**
 * Recognises most x86-64 instructions at one look: for an opcode and the byte behind it the length from the opcode on,
 * and above that the kind of instruction. Prefixes but REX, VEX and what is invalid are left to the walk byte by byte.
 */
import {
  branch8,
  branch32,
  immediateBytes,
  immediates,
  invalid,
  modrmFollows,
  oneByteOpcodes,
  prefix,
  twoByteOpcodes,
} from './amd64-lengths';

/** Of a shape; a plain one is its length alone. */
export const lengthMask: u32 = 0x0f;
/** Its SIB byte may ask for four bytes more. */
export const scaledShape: u32 = 0x10;
export const ripRelativeShape: u32 = 0x20;
export const branch8Shape: u32 = 0x30;
export const branch32Shape: u32 = 0x40;
export const otherShape: u32 = 0x50;

/** A shape for each opcode (low byte of the index) and the byte behind it (high byte): they are read as one word. */
export const oneByteShapes: usize = memory.data(0x10000, 16);
export const twoByteShapes: usize = memory.data(0x10000, 16);

/** For each ModRM byte the length of the displacement that it asks for, and these two. */
export const operandForms: usize = memory.data(256, 16);
export const scaledOperand: u32 = 0x10;
export const ripRelativeOperand: u32 = 0x20;

fillOperandForms();
fillShapes(oneByteShapes, oneByteOpcodes);
fillShapes(twoByteShapes, twoByteOpcodes);
for (let rex: u32 = 0x40; rex < 0x50; rex++) leaveOut(oneByteShapes, rex);
leaveOut(oneByteShapes, 0x0f);
leaveOut(oneByteShapes, 0x62);
leaveOut(oneByteShapes, 0xc4);
leaveOut(oneByteShapes, 0xc5);
leaveOut(twoByteShapes, 0x38);
leaveOut(twoByteShapes, 0x3a);

function fillOperandForms(): void {
  for (let modrm: u32 = 0; modrm < 256; modrm++) {
    const mode = modrm >>> 6;
    const base = modrm & 7;
    let form: u32 = 0;
    if (mode === 0 && base === 5) form = ripRelativeOperand | 4;
    else if (mode !== 3) form = (base === 4 ? scaledOperand : 0) | (mode === 1 ? 1 : mode === 2 ? 4 : 0);
    store<u8>(operandForms + modrm, form);
  }
}

function fillShapes(table: usize, opcodes: usize): void {
  for (let opcode: usize = 0; opcode < 256; opcode++) {
    const kind: u32 = load<u8>(opcodes + opcode);
    const column = table + opcode;
    if (opcode > 0 && kind === <u32>load<u8>(opcodes + opcode - 1)) {
      for (let at = column; at < column + 0x10000; at += 0x100) store<u8>(at, load<u8>(at - 1));
    } else {
      for (let modrm: u32 = 0; modrm < 256; modrm++) store<u8>(column + (modrm << 8), shapeOf(kind, modrm));
    }
  }
}

function leaveOut(table: usize, opcode: u32): void {
  for (let modrm: u32 = 0; modrm < 256; modrm++) store<u8>(table + opcode + (modrm << 8), otherShape);
}

function shapeOf(kind: u32, modrm: u32): u32 {
  if ((kind & (invalid | prefix)) !== 0) return otherShape;
  const immediate = kind & immediates;
  const length = 1 + <u32>immediateBytes(immediate, (modrm >>> 3) & 7, 4, false, false);
  if (immediate === branch8) return length | branch8Shape;
  if (immediate === branch32) return length | branch32Shape;
  if ((kind & modrmFollows) === 0) return length;
  const operand: u32 = load<u8>(operandForms + modrm);
  if ((operand & ripRelativeOperand) !== 0) return (length + 5) | ripRelativeShape;
  if ((operand & scaledOperand) === 0) return length + 1 + (operand & 7);
  return (length + 2 + (operand & 7)) | (modrm >>> 6 === 0 ? scaledShape : 0);
}
