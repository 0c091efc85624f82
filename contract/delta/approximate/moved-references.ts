/**
 * Predicts how stored addresses change when the things that they point to move. A word that looks like a reference in
 * the old file is replaced by the same reference after the move, as far as earlier words of the patch and the patch's
 * own steps have shown where its target went. Only a prediction: what it misses is coded as a difference.
 */
import { type ReferenceFamily, referenceFamilies } from './reference-family.ts';
import { displacementKinds, leastPointer, ReferenceMarks } from './reference-marks.ts';
import { type Steps, stepFields } from './step.ts';

const pageBits = 12;
const exactBits = 16;
const regionBits = 14;
const regionShift = 7;
const unknown = -0x80000000;
const trustGained = 1;
const trustLost = 2;
const maxTrust = 12;
const noBytes: Uint8Array = new Uint8Array(0);
const noView: DataView = new DataView(noBytes.buffer);

/** B and BL of 64-bit ARM: a signed count of words in the low 26 bits. */
const branchKind = 1;
const branchField = 0x03ffffff;
const pointerKind = 4;
const tableKind = 5;
export class MovedReferences {
  /** Targets lie below it; those behind the file are memory that it does not store. */
  readonly #targetEnd: number;
  readonly #oldLength: number;
  readonly #addressBase: number;
  readonly #family: ReferenceFamily;
  readonly #pageShifts: Int32Array;
  readonly #exactTargets = new Int32Array(1 << exactBits).fill(-1);
  readonly #exactShifts = new Int32Array(1 << exactBits);
  readonly #regions = new Int32Array(1 << regionBits).fill(-1);
  readonly #regionShifts = new Int32Array(1 << regionBits);
  /** How often predicted changes of each kind came true lately; below 0 they are not applied. */
  readonly #trust = new Int32Array(6);

  #old = noBytes;
  #fresh = noBytes;
  #oldView = noView;
  #freshView = noView;
  #oldStart = 0;
  #shift = 0;
  /** From here on the bytes of the chunk are the old ones, as far as known. */
  #changedEnd = 0;
  readonly #marks: ReferenceMarks;

  /** References found whose true bytes are not known yet, the oldest first. */
  #waiting = 0;
  readonly #kinds = new Uint8Array(16);
  readonly #ends = new Int32Array(16);
  readonly #targets = new Int32Array(16);
  readonly #words = new Int32Array(16);
  readonly #changes = new Int32Array(16);

  /** False where no references are foretold. */
  readonly move: boolean;
  /** End in the chunk of the reference found last, 0 when none waits; bytes before it are predicted. */
  wordEnd = 0;
  /** Kind of the reference found last: 1 to 3 displacement (call, operand, jump), 4 pointer, 5 table. */
  kind = 0;

  /**
   * @param addressBase virtual address of the old file's first byte, 0 when it has none
   * @param family which references to look for
   */
  constructor(oldLength: number, addressBase: number, steps: Steps, family: ReferenceFamily) {
    this.#oldLength = oldLength;
    this.#targetEnd = Math.min(oldLength + (oldLength >> 2), 0x7fffffff);
    this.#addressBase = addressBase;
    this.#family = family;
    this.move = family !== referenceFamilies.none;
    this.#pageShifts = pageShifts(oldLength, steps);
    this.#marks = new ReferenceMarks(family, addressBase, this.#targetEnd);
  }

  /**
   * Starts a chunk: references do not cross its ends.
   * @param old bytes of the chunk in the old file
   * @param fresh bytes of the chunk in the new file: the old ones where nothing is known yet
   * @param oldStart position of the chunk in the old file
   * @param shift position of the chunk in the new file minus that in the old one
   */
  startChunk(old: Uint8Array, fresh: Uint8Array, oldStart: number, shift: number): void {
    this.#old = old;
    this.#fresh = fresh;
    this.#oldView = new DataView(old.buffer, old.byteOffset, old.length);
    this.#freshView = new DataView(fresh.buffer, fresh.byteOffset, fresh.length);
    this.#oldStart = oldStart;
    this.#shift = shift;
    this.#waiting = 0;
    this.#changedEnd = 0;
    this.wordEnd = 0;
    this.#marks.scan(old, this.#oldView, oldStart);
  }

  /** Puts the predicted bytes of each reference that starts from `start` to before `end` in place. */
  predict(start: number, end: number): void {
    const last = Math.min(end, this.#old.length - 3);
    const first = Math.max(start, this.wordEnd, 1);
    if (this.#family !== referenceFamilies.none) {
      this.#predictAt(first, last, this.#family === referenceFamilies.x86);
    }
  }

  /** To be told of every other byte of the chunk that becomes known to differ from the old one. */
  changed(at: number): void {
    if (at >= this.#changedEnd) this.#changedEnd = at + 1;
  }

  #predictAt(first: number, last: number, x86: boolean): void {
    const old = this.#old;
    let at = first;
    while (at < last) {
      if (at >= this.#changedEnd + 8) {
        at = this.#marks.next(at, last);
        if (at >= last) return;
      }
      const aligned = ((this.#oldStart + at) & 3) === 0;
      let found = false;
      if (x86) {
        const kind = displacementKinds[old[at - 1] as number] as number;
        if (kind !== 0 && (kind !== 3 || (at > 1 && old[at - 2] === 0x0f))) found = this.#findDisplacement(at, kind);
      } else if (aligned) found = this.#findBranch(at);
      at += found || (aligned && this.#findWord(at)) ? 4 : 1;
    }
  }

  /** Takes back the references that were found at `at` or behind it. */
  rewind(at: number): void {
    if (this.#waiting === 0 || this.wordEnd <= at + 3) return;
    const predictedEnd = this.wordEnd;
    while (this.#waiting > 0 && (this.#ends[this.#waiting - 1] as number) - 4 >= at) this.#waiting--;
    this.#nameLast();
    for (let i = Math.max(at, this.wordEnd); i < predictedEnd; i++) this.#fresh[i] = this.#old[i] as number;
  }

  /** Learns from the references that end at or before `at`, where the new bytes are the true ones. */
  learn(at: number): void {
    if (this.#waiting === 0) return;
    let kept = 0;
    for (let i = 0; i < this.#waiting; i++) {
      const end = this.#ends[i] as number;
      if (end > at) {
        this.#kinds[kept] = this.#kinds[i] as number;
        this.#ends[kept] = end;
        this.#targets[kept] = this.#targets[i] as number;
        this.#words[kept] = this.#words[i] as number;
        this.#changes[kept++] = this.#changes[i] as number;
      } else {
        this.#learnOne(i, this.#freshView.getInt32(end - 4, true));
      }
    }
    this.#waiting = kept;
    this.#nameLast();
  }

  #nameLast(): void {
    this.wordEnd = this.#waiting === 0 ? 0 : (this.#ends[this.#waiting - 1] as number);
    this.kind = this.#waiting === 0 ? 0 : (this.#kinds[this.#waiting - 1] as number);
  }

  #learnOne(index: number, freshWord: number): void {
    const kind = this.#kinds[index] as number;
    const change = (freshWord - (this.#words[index] as number)) | 0;
    const predicted = this.#changes[index] as number;
    const trust = this.#trust[kind] as number;
    if (predicted !== 0 || change !== 0) {
      const taught = predicted === change ? trust + trustGained : trust - trustLost;
      this.#trust[kind] = Math.min(Math.max(taught, -maxTrust), maxTrust);
    }
    if (kind === tableKind || (trust < 0 && predicted !== change)) return;
    const target = this.#targets[index] as number;
    const moved = kind === pointerKind ? change : (this.#distanceChange(change) + this.#shift) | 0;
    const exact = Math.imul(target, 0x2c1b3c6d) >>> (32 - exactBits);
    this.#exactTargets[exact] = target;
    this.#exactShifts[exact] = moved;
    const region = (target >> regionShift) & ((1 << regionBits) - 1);
    this.#regions[region] = target >> regionShift;
    this.#regionShifts[region] = moved;
  }

  /** From the change of a word to that of the distance it holds, in bytes. */
  #distanceChange(change: number): number {
    return this.#family === referenceFamilies.arm64 ? (change << 6) >> 4 : change;
  }

  /** A displacement counts from its end; a target outside the program is none. */
  #findDisplacement(at: number, kind: number): boolean {
    const word = this.#oldView.getInt32(at, true);
    const from = this.#oldStart + at + 4;
    if (word < -from || word >= this.#targetEnd - from) return false;
    const target = from + word;
    const moved = this.#shiftOf(target);
    this.#found(at, kind, target, word, moved === unknown ? 0 : (moved - this.#shift) | 0);
    return true;
  }

  #findBranch(at: number): boolean {
    const word = this.#oldView.getInt32(at, true);
    if ((word & 0x7c000000) !== 0x14000000) return false;
    const target = this.#oldStart + at + ((word << 6) >> 4);
    if (target < 0 || target >= this.#targetEnd) return false;
    const moved = this.#shiftOf(target);
    const change = moved === unknown ? 0 : (moved - this.#shift) | 0;
    // The change of the word keeps the instruction's other bits.
    this.#found(at, branchKind, target, word, ((word & ~branchField) | ((word + (change >> 2)) & branchField)) - word);
    return true;
  }

  /** An aligned pointer of 8 bytes, or one more entry of a table whose last two entries, 8 bytes each, moved alike. */
  #findWord(at: number): boolean {
    const view = this.#oldView;
    if (((this.#oldStart + at) & 7) === 0 && at + 8 <= this.#old.length && view.getInt32(at + 4, true) === 0) {
      const word = view.getInt32(at, true);
      const target = word - this.#addressBase;
      if (target > leastPointer && target < this.#targetEnd) {
        const moved = this.#shiftOf(target);
        this.#found(at, pointerKind, target, word, moved === unknown ? 0 : moved);
        return true;
      }
    }
    if (at < 16 || at - 8 >= this.#changedEnd) return false;
    const change = (this.#freshView.getInt32(at - 8, true) - view.getInt32(at - 8, true)) | 0;
    if (change === 0) return false;
    if (change !== ((this.#freshView.getInt32(at - 16, true) - view.getInt32(at - 16, true)) | 0)) return false;
    this.#found(at, tableKind, 0, view.getInt32(at, true), change);
    return true;
  }

  #found(at: number, kind: number, target: number, word: number, change: number): void {
    const index = this.#waiting++;
    this.#kinds[index] = kind;
    this.#ends[index] = at + 4;
    this.#targets[index] = target;
    this.#words[index] = word;
    this.#changes[index] = change;
    this.wordEnd = at + 4;
    this.kind = kind;
    if (change === 0 || (this.#trust[kind] as number) < 0) return;
    this.#freshView.setInt32(at, (word + change) | 0, true);
    if (at + 4 > this.#changedEnd) this.#changedEnd = at + 4;
  }

  #shiftOf(target: number): number {
    const exact = Math.imul(target, 0x2c1b3c6d) >>> (32 - exactBits);
    if (this.#exactTargets[exact] === target) return this.#exactShifts[exact] as number;
    const region = (target >> regionShift) & ((1 << regionBits) - 1);
    if (this.#regions[region] === target >> regionShift) return this.#regionShifts[region] as number;
    return target < this.#oldLength ? (this.#pageShifts[target >> pageBits] as number) : unknown;
  }
}

/** For each page of the old file how far the step that covers its start moves it, else as the page before. */
function pageShifts(oldLength: number, steps: Steps): Int32Array {
  const shifts = new Int32Array((oldLength >> pageBits) + 1).fill(unknown);
  let oldAt = 0;
  let newAt = 0;
  for (let i = 0; i < steps.length; i += stepFields) {
    const alike = steps[i + 1] as number;
    oldAt += steps[i] as number;
    const last = (oldAt + alike) >> pageBits;
    for (let page = (oldAt + (1 << pageBits) - 1) >> pageBits; page < last; page++) shifts[page] = newAt - oldAt;
    oldAt += alike;
    newAt += alike + (steps[i + 2] as number);
  }
  for (let page = 1; page < shifts.length; page++) {
    if (shifts[page] === unknown) shifts[page] = shifts[page - 1] as number;
  }
  return shifts;
}
