/** Predicts `functab` and the `_func` rows in the new order, and `runtime.findfunctab`, which follows from it. */
import type { ByteSink } from '../../byte-sink.ts';
import { SlipwayError } from '../../errors.ts';
import type { AddressMap } from './address-map.ts';
import { type FunctionTable, noFunctionData, rowAlignment, rowFields } from './function-table.ts';
import { readUint32, writeUint32 } from './little-endian.ts';
import type { OldWindow } from './old-window.ts';
import type { Region } from './regions.ts';
import type { ShiftTable } from './shift-table.ts';
import type { SideTables } from './side-tables.ts';

export interface RowShifts {
  readonly name: ShiftTable;
  readonly pcTable: ShiftTable;
  readonly functionData: ShiftTable;
  readonly unit: ShiftTable;
}

const maxArray = 255;
const maxRowBytes = 44 + 8 * maxArray + rowAlignment;
/** Rows are written in chunks of at most this; a multiple of 8. */
const rowsBytes = 32 * 1024;

export class PredictedRows {
  readonly #tables: SideTables;
  readonly #old: FunctionTable;
  readonly #map: AddressMap;
  readonly #window: OldWindow;
  readonly #region: Region;
  readonly #shifts: RowShifts;
  readonly #rowBytes: number;

  constructor(
    tables: SideTables,
    old: FunctionTable,
    map: AddressMap,
    window: OldWindow,
    region: Region,
    shifts: RowShifts,
  ) {
    this.#tables = tables;
    this.#old = old;
    this.#map = map;
    this.#window = window;
    this.#region = region;
    this.#shifts = shifts;
    this.#rowBytes = tables.geometry.rowBytes;
  }

  /** Entries of function data in all old rows. */
  countFunctionData(): number {
    let count = 0;
    for (let i = 0; i < this.#old.count; i++) count += this.#functionDataCount(this.#locate(i));
    return count;
  }

  /**
   * The function data that old rows point at.
   * @param visit gets the place in the row's array (its `FUNCDATA_` number) and the offset
   */
  visitFunctionData(visit: (kind: number, offset: number) => void): void {
    const rowBytes = this.#rowBytes;
    for (let i = 0; i < this.#old.count; i++) {
      const row = this.#locate(i);
      const array = row + rowBytes + 4 * this.#pcDataCount(row);
      const count = this.#functionDataCount(row);
      for (let kind = 0; kind < count; kind++) {
        const offset = readUint32(this.#window.bytes, array + 4 * kind);
        if (offset !== noFunctionData) visit(kind, offset);
      }
    }
  }

  write(sink: ByteSink): void {
    const count = this.#tables.layout.matches.length;
    const pcData = new Uint8Array(count);
    const functionData = new Uint8Array(count);
    for (let j = 0; j < count; j++) this.#measure(j, pcData, functionData);
    this.#writeTable(sink, pcData, functionData);
    const buffer = new Uint8Array(rowsBytes);
    let filled = 0;
    for (let j = 0; j < count; j++) {
      if (filled + maxRowBytes > rowsBytes) {
        sink.write(buffer.subarray(0, filled));
        filled = 0;
      }
      const length = this.#rowLength(pcData[j] as number, functionData[j] as number);
      const padded = j < count - 1 ? align(length) : length;
      this.#fillRow(buffer, filled, padded, j, pcData[j] as number, functionData[j] as number);
      filled += padded;
    }
    sink.write(buffer.subarray(0, filled));
  }

  /** Lengths of the two arrays of a new row. */
  #measure(j: number, pcData: Uint8Array, functionData: Uint8Array): void {
    const { matches, pcDataChanges, functionDataChanges } = this.#tables.layout;
    const index = matches[j] as number;
    const row = index < 0 ? 0 : this.#locate(index);
    const pcCount = (pcDataChanges[j] as number) + (index < 0 ? 0 : this.#pcDataCount(row));
    const dataCount = (functionDataChanges[j] as number) + (index < 0 ? 0 : this.#functionDataCount(row));
    if (pcCount < 0 || pcCount > maxArray || dataCount < 0 || dataCount > maxArray) {
      throw new SlipwayError('delta-malformed', `a row with ${pcCount} and ${dataCount} entries`);
    }
    pcData[j] = pcCount;
    functionData[j] = dataCount;
  }

  /** Without the padding that the next row needs. */
  #rowLength(pcData: number, functionData: number): number {
    return this.#rowBytes + 4 * (pcData + functionData);
  }

  #writeTable(sink: ByteSink, pcData: Uint8Array, functionData: Uint8Array): void {
    const count = pcData.length;
    const pairs = new Uint8Array(rowsBytes);
    let row = align(8 * count + 4);
    let filled = 0;
    for (let j = 0; j < count; j++) {
      if (filled === rowsBytes) {
        sink.write(pairs);
        filled = 0;
      }
      writeUint32(pairs, filled, this.#map.newEntries[j] as number);
      writeUint32(pairs, filled + 4, row);
      filled += 8;
      row += align(this.#rowLength(pcData[j] as number, functionData[j] as number));
    }
    sink.write(pairs.subarray(0, filled));
    const end = new Uint8Array(align(8 * count + 4) - 8 * count);
    writeUint32(end, 0, this.#map.newEntries[count] as number);
    sink.write(end);
  }

  /** Makes the new row of `length` bytes at `to`. */
  #fillRow(rows: Uint8Array, to: number, length: number, j: number, pcData: number, functionData: number): void {
    const rowBytes = this.#rowBytes;
    const index = this.#tables.layout.matches[j] as number;
    for (let i = to; i < to + length; i++) rows[i] = 0;
    if (index >= 0) {
      const at = this.#locate(index);
      const old = this.#window.bytes;
      const oldPcData = this.#pcDataCount(at);
      const oldFunctionData = this.#functionDataCount(at);
      for (let i = 0; i < rowBytes; i++) rows[to + i] = old[at + i] as number;
      writeUint32(rows, to + rowFields.name, this.#shifts.name.map(readUint32(old, at + rowFields.name)));
      writeUint32(rows, to + rowFields.unit, this.#shifts.unit.map(readUint32(old, at + rowFields.unit)));
      for (let field: number = rowFields.pcSp; field <= rowFields.pcLine; field += 4) {
        this.#pcTable(rows, to + field, old, at + field);
      }
      for (let i = 0; i < pcData && i < oldPcData; i++) {
        this.#pcTable(rows, to + rowBytes + 4 * i, old, at + rowBytes + 4 * i);
      }
      for (let i = 0; i < functionData; i++) {
        const value = i < oldFunctionData ? readUint32(old, at + rowBytes + 4 * (oldPcData + i)) : noFunctionData;
        const moved = value === noFunctionData ? value : this.#shifts.functionData.map(value);
        writeUint32(rows, to + rowBytes + 4 * (pcData + i), moved);
      }
    }
    writeUint32(rows, to + rowFields.entry, this.#map.newEntries[j] as number);
    writeUint32(rows, to + rowFields.pcDataCount, pcData);
    rows[to + rowBytes - 1] = functionData;
  }

  /** An offset into the pc-value tables; 0 stands for none. */
  #pcTable(rows: Uint8Array, to: number, old: Uint8Array, from: number): void {
    const value = readUint32(old, from);
    writeUint32(rows, to, value === 0 ? 0 : this.#shifts.pcTable.map(value));
  }

  #pcDataCount(row: number): number {
    return readUint32(this.#window.bytes, row + rowFields.pcDataCount);
  }

  #functionDataCount(row: number): number {
    return this.#window.bytes[row + this.#rowBytes - 1] as number;
  }

  /** Where the window holds an old row with its arrays. */
  #locate(index: number): number {
    const rowBytes = this.#rowBytes;
    const offset = this.#old.rows[index] as number;
    const left = this.#region.length - offset;
    if (left >= rowBytes) {
      const row = this.#window.locate(this.#region.offset + offset, Math.min(left, maxRowBytes));
      const pcData = this.#pcDataCount(row);
      const length = rowBytes + 4 * (pcData + this.#functionDataCount(row));
      if (pcData <= maxArray && length <= left) return row;
    }
    throw new SlipwayError('delta-malformed', `the row of old function ${index} does not fit the table`);
  }
}

function align(value: number): number {
  return value + (-value & (rowAlignment - 1));
}
