/**
 * References in x86-64 code: branches with 8- and 32-bit distances and RIP-relative operands. Walks instruction by
 * instruction; a byte that begins none is stepped over, so data between functions does no harm.
 */
import { follows, oneByteOpcodes, twoByteOpcodes } from './amd64-lengths.ts';
import type { CodeFamily, ReferenceVisitor } from './code-family.ts';

/** `form`: length of the instruction, plus this for an 8-bit field. */
const shortField = 0x100;
const longestInstruction = 15;
/** The longest instruction that is decoded at one look, its SIB displacement included: REX, 0F and 14 bytes. */
const quickBytes = 20;

/** For each ModRM byte the length of the displacement that it asks for, and these two. */
const scaled = 0x10;
const ripRelative = 0x20;
const operandForms = Uint8Array.from({ length: 256 }, (_, modrm) => {
  const mode = modrm >>> 6;
  const base = modrm & 7;
  if (mode === 3) return 0;
  if (mode === 0 && base === 5) return ripRelative | 4;
  return (base === 4 ? scaled : 0) | (mode === 1 ? 1 : mode === 2 ? 4 : 0);
});

/**
 * Most instructions at one look: for an opcode (high byte) and the byte behind it the length from the opcode on, and
 * above that one of `shapes`. Prefixes but REX, VEX and what is invalid are left to the walk byte by byte.
 */
const shapes = { plain: 0, scaled: 0x10, ripRelative: 0x20, branch8: 0x30, branch32: 0x40, other: 0x50 } as const;
const oneByteShapes = shapesOf(oneByteOpcodes);
const twoByteShapes = shapesOf(twoByteOpcodes);
for (const byte of [0x0f, 0x62, 0xc4, 0xc5]) oneByteShapes.fill(shapes.other, byte << 8, (byte + 1) << 8);
for (let rex = 0x40; rex < 0x50; rex++) oneByteShapes.fill(shapes.other, rex << 8, (rex + 1) << 8);
for (const byte of [0x38, 0x3a]) twoByteShapes.fill(shapes.other, byte << 8, (byte + 1) << 8);

function shapesOf(opcodes: Uint8Array): Uint8Array {
  const table = new Uint8Array(0x10000);
  const rows = new Map<number, Uint8Array>();
  for (let opcode = 0; opcode < 256; opcode++) {
    const kind = opcodes[opcode] as number;
    let row = rows.get(kind);
    if (row === undefined) {
      row = Uint8Array.from({ length: 256 }, (_, modrm) => shapeOf(kind, modrm));
      rows.set(kind, row);
    }
    table.set(row, opcode << 8);
  }
  return table;
}

function shapeOf(kind: number, modrm: number): number {
  if ((kind & (follows.invalid | follows.prefix)) !== 0) return shapes.other;
  const immediate = kind & follows.immediate;
  const length = 1 + immediateLength(immediate, (modrm >>> 3) & 7);
  if (immediate === follows.branch8) return length | shapes.branch8;
  if (immediate === follows.branch32) return length | shapes.branch32;
  if ((kind & follows.modrm) === 0) return length;
  const operand = operandForms[modrm] as number;
  if ((operand & ripRelative) !== 0) return (length + 5) | shapes.ripRelative;
  if ((operand & scaled) === 0) return length + 1 + (operand & 7);
  return (length + 2 + (operand & 7)) | (modrm >>> 6 === 0 ? shapes.scaled : shapes.plain);
}

/** Of an instruction without prefixes. */
function immediateLength(immediate: number, register: number): number {
  switch (immediate) {
    case follows.none:
      return 0;
    case follows.byte:
    case follows.branch8:
      return 1;
    case follows.word:
      return 2;
    case follows.offset:
      return 8;
    case follows.enter:
      return 3;
    case follows.testByte:
      return register < 2 ? 1 : 0;
    case follows.testOperand:
      return register < 2 ? 4 : 0;
    default:
      return 4;
  }
}

export const amd64Code: CodeFamily = { visit, write };

function visit(
  code: Uint8Array,
  address: number,
  visitor: ReferenceVisitor,
  from = 0,
  end = code.length,
  inside = true,
): void {
  const insideFrom = inside ? 0 : address + from;
  const insideTo = inside ? 0 : address + end;
  const lastQuick = end - quickBytes;
  let start = from;
  while (start < end) {
    if (start <= lastQuick) {
      let opcodeAt = start;
      let opcode = code[opcodeAt] as number;
      let wide = 0;
      if ((opcode & 0xf0) === 0x40) {
        wide = opcode & 8;
        opcode = code[++opcodeAt] as number;
      }
      let shape: number;
      if (opcode === 0x0f) {
        opcodeAt++;
        shape = twoByteShapes[((code[opcodeAt] as number) << 8) | (code[opcodeAt + 1] as number)] as number;
      } else if (wide !== 0 && (opcode & 0xf8) === 0xb8) shape = shapes.other;
      else shape = oneByteShapes[(opcode << 8) | (code[opcodeAt + 1] as number)] as number;
      const next = opcodeAt + (shape & 15);
      if (shape < shapes.scaled) {
        start = next;
        continue;
      }
      if (shape < shapes.ripRelative) {
        start = ((code[opcodeAt + 2] as number) & 7) === 5 ? next + 4 : next;
        continue;
      }
      if (shape < shapes.other) {
        const field = shape < shapes.branch8 ? opcodeAt + 2 : opcodeAt + 1;
        if (shape < shapes.branch8 || shape >= shapes.branch32) {
          const target = address + next + readInt32(code, field);
          if (target < insideFrom || target >= insideTo) visitor(field, next - start, start, target);
        } else {
          const target = address + next + (((code[field] as number) << 24) >> 24);
          if (target < insideFrom || target >= insideTo) visitor(field, (next - start) | shortField, start, target);
        }
        start = next;
        continue;
      }
    }
    let at = start;
    let operandBytes = 4;
    let wide = false;
    let shortAddress = false;
    let byte = code[at++] as number;
    let kind = oneByteOpcodes[byte] as number;
    while (kind === follows.prefix && at < end && at - start < longestInstruction) {
      if (byte === 0x66) operandBytes = 2;
      else if (byte === 0x67) shortAddress = true;
      byte = code[at++] as number;
      kind = oneByteOpcodes[byte] as number;
    }
    if ((byte & 0xf0) === 0x40) {
      wide = (byte & 8) !== 0;
      byte = at < end ? (code[at++] as number) : 0x60;
      kind = oneByteOpcodes[byte] as number;
    }
    if (byte === 0x0f) {
      byte = at < end ? (code[at++] as number) : 0x04;
      kind = twoByteOpcodes[byte] as number;
      if (byte === 0x38) {
        at++;
        kind = follows.modrm;
      } else if (byte === 0x3a) {
        at++;
        kind = follows.modrm | follows.byte;
      }
    } else if (byte === 0xc5) {
      kind = twoByteOpcodes[at + 1 < end ? (code[at + 1] as number) : 0x04] as number;
      at += 2;
    } else if (byte === 0xc4 || byte === 0x62) {
      const map = at < end ? (code[at] as number) & (byte === 0x62 ? 7 : 31) : 0;
      const opcodeAt = at + (byte === 0x62 ? 3 : 2);
      kind =
        map === 1
          ? (twoByteOpcodes[opcodeAt < end ? (code[opcodeAt] as number) : 0x04] as number)
          : map === 3
            ? follows.modrm | follows.byte
            : map === 0
              ? follows.invalid
              : follows.modrm;
      at = opcodeAt + 1;
    }
    if ((kind & (follows.invalid | follows.prefix)) !== 0 || at > end) {
      start++;
      continue;
    }
    let register = 0;
    let displacementAt = -1;
    if ((kind & follows.modrm) !== 0) {
      if (at >= end) return;
      const modrm = code[at++] as number;
      register = (modrm >>> 3) & 7;
      const operand = operandForms[modrm] as number;
      if ((operand & scaled) !== 0) {
        if (at >= end) return;
        const sib = code[at++] as number;
        if (modrm >>> 6 === 0 && (sib & 7) === 5) at += 4;
      } else if ((operand & ripRelative) !== 0) displacementAt = at;
      at += operand & 7;
    }
    switch (kind & follows.immediate) {
      case follows.byte:
        at += 1;
        break;
      case follows.word:
        at += 2;
        break;
      case follows.operand:
        at += operandBytes;
        break;
      case follows.wide:
        at += wide ? 8 : operandBytes;
        break;
      case follows.branch8:
        at += 1;
        if (at <= end) {
          const target = address + at + (((code[at - 1] as number) << 24) >> 24);
          if (target < insideFrom || target >= insideTo) visitor(at - 1, (at - start) | shortField, start, target);
        }
        break;
      case follows.branch32:
        at += 4;
        if (at <= end) {
          const target = address + at + readInt32(code, at - 4);
          if (target < insideFrom || target >= insideTo) visitor(at - 4, at - start, start, target);
        }
        break;
      case follows.offset:
        at += shortAddress ? 4 : 8;
        break;
      case follows.enter:
        at += 3;
        break;
      case follows.testByte:
        if (register < 2) at += 1;
        break;
      case follows.testOperand:
        if (register < 2) at += operandBytes;
        break;
    }
    if (at > end) return;
    if (displacementAt >= 0) {
      const target = address + at + readInt32(code, displacementAt);
      if (target < insideFrom || target >= insideTo) visitor(displacementAt, at - start, start, target);
    }
    start = at;
  }
}

function write(code: Uint8Array, at: number, form: number, newInstruction: number, newTarget: number): void {
  const distance = newTarget - (newInstruction + (form & 0xff));
  if ((form & shortField) !== 0) {
    if (distance >= -128 && distance <= 127) code[at] = distance & 0xff;
    return;
  }
  code[at] = distance & 0xff;
  code[at + 1] = (distance >> 8) & 0xff;
  code[at + 2] = (distance >> 16) & 0xff;
  code[at + 3] = (distance >> 24) & 0xff;
}

function readInt32(code: Uint8Array, at: number): number {
  return (
    (code[at] as number) |
    ((code[at + 1] as number) << 8) |
    ((code[at + 2] as number) << 16) |
    ((code[at + 3] as number) << 24)
  );
}
