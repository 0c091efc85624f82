/**
 * Compares the code of matched functions: where the references of one reappear in the other, and where code was
 * inserted or removed in between.
 */
import { architectures, visitReferences } from '../../go/code-references.ts';
import type { FunctionEdits } from '../../go/function-edits.ts';
import { alignCode, type Stretch } from './align-code.ts';
import { type GoImage, machineCodeOf } from './go-image.ts';
import type { ShiftVotes } from './shift-votes.ts';

/** Votes for addresses outside functions, and returns the edits worth noting. */
export function compareFunctions(old: GoImage, new_: GoImage, matches: Int32Array, votes: ShiftVotes): FunctionEdits {
  const a = new References(old);
  const b = new References(new_);
  const edits: { function: number; offset: number; shift: number }[] = [];
  for (let j = 0; j < matches.length; j++) {
    const i = matches[j] as number;
    if (i < 0) continue;
    a.read(i);
    b.read(j);
    const stretches = alignCode(a.masked, b.masked, old.architecture === architectures.amd64 ? 1 : 4);
    let shift = 0;
    for (const stretch of stretches) {
      const gained = pairReferences(a, b, stretch, votes);
      const stretchShift = stretch.newStart - stretch.oldStart;
      if (stretchShift === shift || gained === 0) continue;
      shift = stretchShift;
      edits.push({ function: j, offset: stretch.oldStart, shift });
    }
  }
  return {
    functions: Uint32Array.from(edits, (edit) => edit.function),
    offsets: Uint32Array.from(edits, (edit) => edit.offset),
    shifts: Int32Array.from(edits, (edit) => edit.shift),
  };
}

/** Votes with the references that a stretch holds in both, and returns how many there are. */
function pairReferences(a: References, b: References, stretch: Stretch, votes: ShiftVotes): number {
  let pairs = 0;
  const shift = stretch.newStart - stretch.oldStart;
  let y = b.firstFrom(stretch.newStart);
  for (let x = a.firstFrom(stretch.oldStart); x < a.count && a.placeOf(x) < stretch.oldStart + stretch.length; x++) {
    const place = a.placeOf(x) + shift;
    while (y < b.count && b.placeOf(y) < place) y++;
    if (y >= b.count || b.placeOf(y) !== place) continue;
    pairs++;
    if (a.isOutside(x) && b.isOutside(y)) votes.add(a.targetOf(x), b.targetOf(y));
  }
  return pairs;
}

/** The references of one function, and its code without them. */
class References {
  masked = new Uint8Array(0);
  count = 0;
  readonly #image: GoImage;
  readonly #textEnd: number;
  #places: number[] = [];
  #targets: number[] = [];

  constructor(image: GoImage) {
    this.#image = image;
    this.#textEnd = image.text + (image.functions.entries[image.functions.count] as number);
  }

  read(index: number): void {
    const code = machineCodeOf(this.#image, index);
    // A copy also of a Buffer, whose own slice() would be the file itself.
    this.masked = new Uint8Array(code);
    this.#places = [];
    this.#targets = [];
    const { architecture } = this.#image;
    visitReferences(
      architecture,
      code,
      this.#image.text + (this.#image.functions.entries[index] as number),
      (at, form, _, target) => {
        this.#places.push(at);
        this.#targets.push(target);
        if (architecture === architectures.arm64) this.#maskWords(at, form >= 5);
        else this.masked.fill(0, at, form >= 0x100 ? at + 1 : at + 4);
      },
    );
    this.count = this.#places.length;
  }

  placeOf(index: number): number {
    return this.#places[index] as number;
  }

  targetOf(index: number): number {
    return this.#targets[index] as number;
  }

  /** True for a target in the image, but not in Go code. */
  isOutside(index: number): boolean {
    const target = this.targetOf(index);
    if (target <= 0 || target >= this.#image.elf.addressEnd) return false;
    return target < this.#image.text || target >= this.#textEnd;
  }

  firstFrom(place: number): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.placeOf(middle) < place) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Keeps the opcode byte of the instruction, and of the one that completes a page address. */
  #maskWords(at: number, paired: boolean): void {
    this.masked.fill(0, at, at + 3);
    if (paired) this.masked.fill(0, at + 5, at + 7);
  }
}
