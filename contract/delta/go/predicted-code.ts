/** Predicts code: the Go functions in their new order, and code around them in its old place. */
import type { ByteSink } from '../../byte-sink.ts';
import type { AddressMap } from './address-map.ts';
import type { CodeFamily, ReferenceVisitor } from './code-family.ts';
import type { FunctionTable } from './function-table.ts';
import { maxViewBytes, type OldWindow } from './old-window.ts';
import type { Region } from './regions.ts';
import type { SideTables } from './side-tables.ts';

/** Other code is rewritten in pieces of this size; a reference across their border stays as it was. */
const codePieceBytes = 1024 * 1024;
/** Old neighbours that stay neighbours are read and written together up to this. */
const runBytes = 64 * 1024;

export class PredictedCode {
  readonly #tables: SideTables;
  readonly #old: FunctionTable;
  readonly #map: AddressMap;
  readonly #window: OldWindow;
  readonly #family: CodeFamily;
  #buffer = new Uint8Array(runBytes);

  /** What is being rewritten, its old address, and what to add to an offset in it for the new address. */
  #code: Uint8Array = this.#buffer;
  #address = 0;
  #newAddress = 0;
  /** Range of the function in it, and whether it was edited: then its insides move, too. */
  #start = 0;
  #end = 0;
  #edited = true;

  constructor(tables: SideTables, old: FunctionTable, map: AddressMap, window: OldWindow, family: CodeFamily) {
    this.#tables = tables;
    this.#old = old;
    this.#map = map;
    this.#window = window;
    this.#family = family;
  }

  /** The matched functions in the new order, then the old ones that no new function came from. */
  writeFunctions(sink: ByteSink): void {
    const { matches } = this.#tables.layout;
    const used = new Uint8Array(this.#old.count);
    for (let j = 0; j < matches.length; ) {
      const index = matches[j] as number;
      let count = 1;
      if (index >= 0) {
        while (j + count < matches.length && matches[j + count] === index + count && this.#joins(index, count)) count++;
        used.fill(1, index, index + count);
        this.#writeRun(index, count, this.#map.newEntries, j, sink);
      }
      j += count;
    }
    for (let index = 0; index < this.#old.count; index++) {
      if (used[index] === 0) this.#writeRun(index, 1, this.#map.moved, index, sink);
    }
  }

  writeOther(region: Region, sink: ByteSink): void {
    this.#edited = true;
    for (let at = 0; at < region.length; at += codePieceBytes) {
      this.#code = this.#load(region.offset + at, Math.min(codePieceBytes, region.length - at));
      this.#address = region.address + at;
      this.#family.visit(this.#code, this.#address, this.#rewrite);
      sink.write(this.#code);
    }
  }

  /** Whether the function behind `count` others from `first` on still fits their run. */
  #joins(first: number, count: number): boolean {
    return (this.#old.entries[first + count + 1] as number) - (this.#old.entries[first] as number) <= runBytes;
  }

  /** Old functions one behind the other, whose new places are `places` from `place` on. */
  #writeRun(first: number, count: number, places: Uint32Array, place: number, sink: ByteSink): void {
    const { oldText, newText, oldTextOffset } = this.#tables.geometry;
    const { entries } = this.#old;
    const entry = entries[first] as number;
    const length = (entries[first + count] as number) - entry;
    const offset = oldTextOffset + entry - (entries[0] as number);
    if (length > maxViewBytes) {
      this.#copy(offset, length, sink);
      return;
    }
    this.#code = this.#load(offset, length);
    this.#address = oldText + entry;
    for (let i = 0; i < count; i++) {
      this.#start = (entries[first + i] as number) - entry;
      this.#end = (entries[first + i + 1] as number) - entry;
      this.#newAddress = newText + (places[place + i] as number) - this.#start;
      this.#edited = this.#map.isEdited(first + i);
      this.#family.visit(this.#code, this.#address, this.#rewrite, this.#start, this.#end, this.#edited);
    }
    sink.write(this.#code);
  }

  readonly #rewrite: ReferenceVisitor = (field, form, instruction, target) => {
    const address = this.#address;
    const place = this.#edited ? this.#map.map(address + instruction) : this.#newAddress + instruction;
    this.#family.write(this.#code, field, form, place, this.#map.map(target));
  };

  #copy(offset: number, length: number, sink: ByteSink): void {
    for (let at = 0; at < length; at += maxViewBytes) {
      sink.write(this.#load(offset + at, Math.min(maxViewBytes, length - at)));
    }
  }

  #load(offset: number, length: number): Uint8Array {
    if (length > this.#buffer.length) this.#buffer = new Uint8Array(length);
    const code = this.#buffer.subarray(0, length);
    code.set(this.#window.view(offset, length));
    return code;
  }
}
