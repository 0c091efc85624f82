/** Where every address of the old image is expected in the new one. */

import { SlipwayError } from '../../errors.ts';
import { maxEdits } from './function-edits.ts';
import type { FunctionTable } from './function-table.ts';
import { ShiftTable } from './shift-table.ts';
import { type SideTables, shiftKinds } from './side-tables.ts';
import { SortedIndex } from './sorted-index.ts';

export class AddressMap {
  /** Start of each new function from the new text's base on, and the end of the last. */
  readonly newEntries: Uint32Array;
  /** New offset of each old function. One without a match is expected behind its old neighbour. */
  readonly moved: Uint32Array;
  readonly #entries: Uint32Array;
  readonly #oldText: number;
  readonly #newText: number;
  readonly #textEnd: number;
  readonly #functions: SortedIndex;
  readonly #edits: ShiftTable;
  readonly #edited: Uint8Array;
  readonly #others: ShiftTable;

  /** @throws SlipwayError `delta-malformed` when a function gets a length below 0 or all code more than `maxCodeBytes` */
  constructor(tables: SideTables, old: FunctionTable, maxCodeBytes: number) {
    this.#entries = old.entries;
    this.#oldText = tables.geometry.oldText;
    this.#newText = tables.geometry.newText;
    this.#textEnd = this.#oldText + (old.entries[old.count] as number);
    this.#functions = new SortedIndex(old.entries);
    this.#others = new ShiftTable(
      tables.shifts[shiftKinds.address] ?? { starts: new Uint32Array(0), shifts: new Int32Array(0) },
    );
    this.newEntries = placeNew(tables, old, maxCodeBytes);
    this.moved = placeOld(tables, old, this.newEntries);
    this.#edited = new Uint8Array(old.count);
    this.#edits = this.#editTable(tables, old);
  }

  /** Index of the old function at an address of the Go text, or -1. */
  functionAt(address: number): number {
    if (address < this.#oldText || address >= this.#textEnd) return -1;
    return this.#functions.last(address - this.#oldText);
  }

  /** Index of the old function that begins at `offset` of the text, or -1. */
  functionStarting(offset: number): number {
    const index = this.#functions.last(offset);
    return index >= 0 && index < this.moved.length && this.#entries[index] === offset ? index : -1;
  }

  isEdited(index: number): boolean {
    return this.#edited[index] === 1;
  }

  /** Any number comes back unchanged when it is no address. */
  map(address: number): number {
    if (address < this.#oldText || address >= this.#textEnd) {
      return address < 0 || address > 0xffffffff ? address : this.#others.map(address);
    }
    return this.#newText + this.mapText(address - this.#oldText);
  }

  /** An offset in the old text as one in the new text. */
  mapText(offset: number): number {
    const index = this.#functions.last(offset);
    if (index < 0 || index >= this.moved.length) return offset;
    const entry = this.#entries[index] as number;
    const moved = (this.moved[index] as number) + (offset - entry);
    return (this.#edited[index] === 1 ? moved + this.#edits.shiftSince(entry, offset) : moved) >>> 0;
  }

  /** Edits of all functions as one table over the old text. */
  #editTable(tables: SideTables, old: FunctionTable): ShiftTable {
    const { functions, offsets, shifts } = tables.edits;
    const order = new Float64Array(functions.length);
    for (let i = 0; i < functions.length; i++) {
      const index = tables.layout.matches[functions[i] as number] as number;
      const at = (old.entries[index] as number) + (offsets[i] as number);
      if (at >= (old.entries[index + 1] as number)) {
        throw new SlipwayError('delta-malformed', `an edit behind function ${index}`);
      }
      this.#edited[index] = 1;
      order[i] = at * maxEdits + i;
    }
    order.sort();
    return new ShiftTable({
      starts: Uint32Array.from(order, (key) => Math.floor(key / maxEdits)),
      shifts: Int32Array.from(order, (key) => shifts[key % maxEdits] as number),
    });
  }
}

function placeNew(tables: SideTables, old: FunctionTable, maxCodeBytes: number): Uint32Array {
  const { matches, sizeChanges } = tables.layout;
  const entries = new Uint32Array(matches.length + 1);
  let at = 0;
  for (let j = 0; j < matches.length; j++) {
    entries[j] = at;
    const i = matches[j] as number;
    const size = (i < 0 ? 0 : (old.entries[i + 1] as number) - (old.entries[i] as number)) + (sizeChanges[j] as number);
    at += size;
    if (size < 0 || at > maxCodeBytes) throw new SlipwayError('delta-malformed', `function ${j} of ${size} bytes`);
  }
  entries[matches.length] = at;
  return entries;
}

function placeOld(tables: SideTables, old: FunctionTable, newEntries: Uint32Array): Uint32Array {
  const matched = new Uint8Array(old.count);
  const moved = new Uint32Array(old.count);
  for (let j = tables.layout.matches.length - 1; j >= 0; j--) {
    const i = tables.layout.matches[j] as number;
    if (i < 0) continue;
    matched[i] = 1;
    moved[i] = newEntries[j] as number;
  }
  for (let i = 0; i < old.count; i++) {
    if (matched[i] === 1) continue;
    const before = i === 0 ? 0 : (moved[i - 1] as number) + (old.entries[i] as number) - (old.entries[i - 1] as number);
    moved[i] = before >>> 0;
  }
  return moved;
}
