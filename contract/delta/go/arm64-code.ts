/**
 * References in AArch64 code (Arm ARM C4.1): B, BL, B.cond, CBZ, TBZ, LDR literal, ADR, and ADRP with the ADD, load
 * or store behind it that completes the address.
 */
import type { CodeFamily, ReferenceVisitor } from './code-family.ts';

const form = { branch26: 0, branch19: 1, branch14: 2, adr: 3, pageAlone: 4, pageAdd: 5, pageAccess: 6 } as const;

/** For the highest byte of an instruction 1 when it may be one that refers to an address. */
const mayRefer = Uint8Array.from({ length: 256 }, (_, top) =>
  (top & 0x7c) === 0x14 || (top & 0x7c) === 0x34 || top === 0x54 || (top & 0x3b) === 0x18 || (top & 0x1f) === 0x10
    ? 1
    : 0,
);

export const arm64Code: CodeFamily = { visit, write };

function visit(
  code: Uint8Array,
  address: number,
  visitor: ReferenceVisitor,
  start = 0,
  stop = code.length,
  inside = true,
): void {
  const end = start + ((stop - start) & ~3);
  const insideFrom = inside ? 0 : address + start;
  const insideTo = inside ? 0 : address + stop;
  const told = (at: number, how: number, target: number) => {
    if (target < insideFrom || target >= insideTo) visitor(at, how, at, target);
  };
  for (let at = start; at < end; at += 4) {
    const top = code[at + 3] as number;
    if (mayRefer[top] === 0) continue;
    const word = readWord(code, at);
    if ((top & 0x7c) === 0x14) {
      told(at, form.branch26, address + at + ((word << 6) >> 4));
    } else if (top === 0x54 || (top & 0x7e) === 0x34 || (top & 0x3b) === 0x18) {
      told(at, form.branch19, address + at + (((word << 8) >> 13) << 2));
    } else if ((top & 0x7e) === 0x36) {
      told(at, form.branch14, address + at + (((word << 13) >> 18) << 2));
    } else if ((top & 0x9f) === 0x10) {
      told(at, form.adr, address + at + splitImmediate(word));
    } else if ((top & 0x9f) === 0x90) {
      const page = address + at - ((address + at) & 4095) + splitImmediate(word) * 4096;
      const next = at + 4 < end ? readWord(code, at + 4) : 0;
      const sameRegister = ((next >>> 5) & 31) === (word & 31);
      if (sameRegister && next >>> 22 === 0x244) {
        told(at, form.pageAdd, page + ((next >>> 10) & 0xfff));
      } else if (sameRegister && (next & 0x3b000000) === 0x39000000 && accessOffset(next) < 4096) {
        told(at, form.pageAccess, page + accessOffset(next));
      } else {
        told(at, form.pageAlone, page);
      }
    }
  }
}

function write(code: Uint8Array, at: number, how: number, newInstruction: number, newTarget: number): void {
  const word = readWord(code, at);
  if (newTarget < 0) return;
  const distance = newTarget - newInstruction;
  if (how === form.adr) {
    writeWord(code, at, withSplitImmediate(word, distance));
  } else if (how >= form.pageAlone) {
    const pages = Math.floor(newTarget / 4096) - Math.floor(newInstruction / 4096);
    const low = newTarget % 4096;
    const scale = how === form.pageAccess ? accessScale(readWord(code, at + 4)) : 0;
    if (low % (1 << scale) !== 0) return;
    writeWord(code, at, withSplitImmediate(word, pages));
    if (how !== form.pageAlone) {
      writeWord(code, at + 4, (readWord(code, at + 4) & ~0x3ffc00) | ((low >> scale) << 10));
    }
  } else if (distance % 4 === 0) {
    if (how === form.branch26) writeWord(code, at, (word & ~0x3ffffff) | ((distance >> 2) & 0x3ffffff));
    else if (how === form.branch19) writeWord(code, at, (word & ~0xffffe0) | (((distance >> 2) & 0x7ffff) << 5));
    else writeWord(code, at, (word & ~0x7ffe0) | (((distance >> 2) & 0x3fff) << 5));
  }
}

/** The signed 21-bit immediate of ADR and ADRP. */
function splitImmediate(word: number): number {
  return (((word << 8) >> 13) << 2) | ((word >>> 29) & 3);
}

function withSplitImmediate(word: number, value: number): number {
  return (word & ~0x60ffffe0) | ((value & 3) << 29) | (((value >> 2) & 0x7ffff) << 5);
}

/** Log2 of the unit that a load or store counts its offset in. */
function accessScale(word: number): number {
  return (word & 0x04800000) === 0x04800000 ? 4 : word >>> 30;
}

/** Bytes; one beyond the page that ADRP names would not come out the same when it is written. */
function accessOffset(word: number): number {
  return ((word >>> 10) & 0xfff) << accessScale(word);
}

function readWord(code: Uint8Array, at: number): number {
  return (
    (code[at] as number) |
    ((code[at + 1] as number) << 8) |
    ((code[at + 2] as number) << 16) |
    ((code[at + 3] as number) << 24)
  );
}

function writeWord(code: Uint8Array, at: number, word: number): void {
  code[at] = word & 0xff;
  code[at + 1] = (word >>> 8) & 0xff;
  code[at + 2] = (word >>> 16) & 0xff;
  code[at + 3] = (word >>> 24) & 0xff;
}
