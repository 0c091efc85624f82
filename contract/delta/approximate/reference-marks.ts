/**
 * Where references may be in one chunk of the old file, found in one pass before anything is predicted: a set of
 * positions that may be too large but misses none, so that most bytes are never looked at one by one.
 */
import { chunkBytes } from './alike-model.ts';
import { type ReferenceFamily, referenceFamilies } from './reference-family.ts';

/** What points before it is a small number. */
export const leastPointer = 0x1000;
/** CALL and JMP, four times, without the bit that differs. */
const calls = 0xe8e8e8e8 | 0;
/** What precedes a 32-bit displacement in x86 code: 1 for CALL and JMP, 2 for a RIP-relative operand, 3 for Jcc. */
export const displacementKinds = new Uint8Array(256);
for (let byte = 0; byte < 256; byte++) {
  if (byte === 0xe8 || byte === 0xe9) displacementKinds[byte] = 1;
  else if ((byte & 0xc7) === 0x05) displacementKinds[byte] = 2;
  else if ((byte & 0xf0) === 0x80) displacementKinds[byte] = 3;
}

export class ReferenceMarks {
  /** A bit for each position of the chunk where a displacement, a branch or a pointer may be. */
  readonly #bits = new Int32Array((chunkBytes >> 5) + 1);
  readonly #family: ReferenceFamily;
  readonly #addressBase: number;
  readonly #targetEnd: number;

  /** @param targetEnd targets lie below it */
  constructor(family: ReferenceFamily, addressBase: number, targetEnd: number) {
    this.#family = family;
    this.#addressBase = addressBase;
    this.#targetEnd = targetEnd;
  }

  /** @param oldStart position of the chunk in the old file */
  scan(old: Uint8Array, view: DataView, oldStart: number): void {
    if (this.#family === referenceFamilies.none) return;
    this.#bits.fill(0);
    if (this.#family === referenceFamilies.x86) this.#markDisplacements(old, view, oldStart);
    else this.#markBranches(old, oldStart);
    this.#markPointers(old, view, oldStart);
  }

  /** The first mark from `at` on; `end` or more when there is none before it. */
  next(at: number, end: number): number {
    let from = at;
    while (from < end) {
      const marks = (this.#bits[from >> 5] as number) >>> (from & 31);
      if (marks !== 0) return from + 31 - Math.clz32(marks & -marks);
      from = (from | 31) + 1;
    }
    return from;
  }

  /** Marks where displacements may be: at four positions at once only whether the bytes before them may name one. */
  #markDisplacements(old: Uint8Array, view: DataView, oldStart: number): void {
    const marks = this.#bits;
    const targetEnd = this.#targetEnd;
    const last = old.length - 3;
    let carried = 0;
    for (let group = 0; group + 4 <= old.length; group += 4) {
      const bytes = view.getInt32(group, true);
      const escapes = zeroBytes(bytes ^ 0x0f0f0f0f);
      if (
        (zeroBytes((bytes & 0xc7c7c7c7) ^ 0x05050505) | zeroBytes((bytes & 0xfefefefe) ^ calls) | escapes | carried) !==
        0
      ) {
        for (let at = group + 1; at <= group + 4 && at < last; at++) {
          const kind = displacementKinds[old[at - 1] as number] as number;
          if (kind === 0 || (kind === 3 && (at < 2 || old[at - 2] !== 0x0f))) continue;
          const word = view.getInt32(at, true);
          const from = oldStart + at + 4;
          if (word >= -from && word < targetEnd - from) marks[at >> 5] = (marks[at >> 5] as number) | (1 << (at & 31));
        }
      }
      carried = escapes;
    }
  }

  #markBranches(old: Uint8Array, oldStart: number): void {
    const marks = this.#bits;
    for (let at = -oldStart & 3; at < old.length - 3; at += 4) {
      if (((old[at + 3] as number) & 0x7c) === 0x14) marks[at >> 5] = (marks[at >> 5] as number) | (1 << (at & 31));
    }
  }

  #markPointers(old: Uint8Array, view: DataView, oldStart: number): void {
    const marks = this.#bits;
    for (let at = -oldStart & 7; at + 8 <= old.length; at += 8) {
      if (view.getInt32(at + 4, true) !== 0) continue;
      const target = view.getInt32(at, true) - this.#addressBase;
      if (target > leastPointer && target < this.#targetEnd)
        marks[at >> 5] = (marks[at >> 5] as number) | (1 << (at & 31));
    }
  }
}

/** Not 0 when one of the four bytes is. */
function zeroBytes(bytes: number): number {
  return (bytes - 0x01010101) & ~bytes & 0x80808080;
}
