/** Predicts code: the Go functions in their new order, and code around them in its old place. */
import type { ByteSink } from '../../byte-sink.ts';
import type { AddressMap } from './address-map.ts';
import type { CodeFamily } from './code-family.ts';
import type { FunctionTable } from './function-table.ts';
import { maxViewBytes, type OldWindow } from './old-window.ts';
import type { Region } from './regions.ts';
import type { SideTables } from './side-tables.ts';

/** Other code is rewritten in pieces of this size; a reference across their border stays as it was. */
const codePieceBytes = 1024 * 1024;

export class PredictedCode {
  readonly #tables: SideTables;
  readonly #old: FunctionTable;
  readonly #map: AddressMap;
  readonly #window: OldWindow;
  readonly #family: CodeFamily;
  #buffer = new Uint8Array(64 * 1024);

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
    for (let j = 0; j < matches.length; j++) {
      const index = matches[j] as number;
      if (index < 0) continue;
      used[index] = 1;
      this.#writeFunction(index, this.#map.newEntries[j] as number, sink);
    }
    for (let index = 0; index < this.#old.count; index++) {
      if (used[index] === 0) this.#writeFunction(index, this.#map.moved[index] as number, sink);
    }
  }

  writeOther(region: Region, sink: ByteSink): void {
    for (let at = 0; at < region.length; at += codePieceBytes) {
      const code = this.#load(region.offset + at, Math.min(codePieceBytes, region.length - at));
      const address = region.address + at;
      this.#family.visit(code, address, (field, form, instruction, target) => {
        this.#family.write(code, field, form, this.#map.map(address + instruction), this.#map.map(target));
      });
      sink.write(code);
    }
  }

  #writeFunction(index: number, newEntry: number, sink: ByteSink): void {
    const { oldText, newText, oldTextOffset } = this.#tables.geometry;
    const entry = this.#old.entries[index] as number;
    const length = (this.#old.entries[index + 1] as number) - entry;
    const offset = oldTextOffset + entry - (this.#old.entries[0] as number);
    if (length > maxViewBytes) {
      this.#copy(offset, length, sink);
      return;
    }
    const code = this.#load(offset, length);
    const map = this.#map;
    const family = this.#family;
    const address = oldText + entry;
    const newAddress = newText + newEntry;
    const edited = map.isEdited(index);
    family.visit(code, address, (field, form, instruction, target) => {
      if (!edited && target >= address && target < address + length) return;
      const place = edited ? map.map(address + instruction) : newAddress + instruction;
      family.write(code, field, form, place, map.map(target));
    });
    sink.write(code);
  }

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
