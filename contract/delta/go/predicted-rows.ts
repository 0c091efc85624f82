/** Predicts `functab` and the `_func` rows in the new order, and `runtime.findfunctab`, which follows from it. */
import type { ByteSink } from '../../byte-sink.ts';
import type { AddressMap } from './address-map.ts';
import { SlipwayError } from '../../errors.ts';
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

export class PredictedRows {
  readonly #tables: SideTables;
  readonly #old: FunctionTable;
  readonly #map: AddressMap;
  readonly #window: OldWindow;
  readonly #region: Region;
  readonly #shifts: RowShifts;

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
  }

  /**
   * The function data that old rows point at.
   * @param visit gets the place in the row's array (its `FUNCDATA_` number) and the offset
   */
  visitFunctionData(visit: (kind: number, offset: number) => void): void {
    for (let i = 0; i < this.#old.count; i++) {
      const row = this.#row(i);
      const start = this.#tables.geometry.rowBytes + 4 * readUint32(row, rowFields.pcDataCount);
      for (let at = start, kind = 0; at + 4 <= row.length; at += 4, kind++) {
        const offset = readUint32(row, at);
        if (offset !== noFunctionData) visit(kind, offset);
      }
    }
  }

  write(sink: ByteSink): void {
    const { matches } = this.#tables.layout;
    const sizes = this.#writeTable(sink);
    const buffer = new Uint8Array(44 + 8 * maxArray + rowAlignment);
    for (let j = 0; j < matches.length; j++) {
      const row = buffer.subarray(0, sizes[j] as number).fill(0);
      this.#fillRow(row, j);
      sink.write(row);
    }
  }

  /** Writes the pairs of offsets and returns the length of each row. */
  #writeTable(sink: ByteSink): Uint16Array {
    const count = this.#tables.layout.matches.length;
    const sizes = new Uint16Array(count);
    const chunk = new Uint8Array(64 * 1024);
    let filled = 0;
    let row = align(8 * count + 4);
    for (let j = 0; j < count; j++) {
      const { pcData, functionData } = this.#arrays(j);
      const size = align(this.#tables.geometry.rowBytes + 4 * (pcData + functionData));
      sizes[j] = size;
      writeUint32(chunk, filled, this.#map.newEntries[j] as number);
      writeUint32(chunk, filled + 4, row);
      filled += 8;
      row += size;
      if (filled === chunk.length) {
        sink.write(chunk);
        filled = 0;
      }
    }
    sink.write(chunk.subarray(0, filled));
    const end = new Uint8Array(align(8 * count + 4) - 8 * count);
    writeUint32(end, 0, this.#map.newEntries[count] as number);
    sink.write(end);
    return sizes;
  }

  #fillRow(row: Uint8Array, j: number): void {
    const { rowBytes } = this.#tables.geometry;
    const { pcData, functionData } = this.#arrays(j);
    const index = this.#tables.layout.matches[j] as number;
    const arrays = new DataView(row.buffer, row.byteOffset, row.byteLength);
    if (index >= 0) {
      const old = this.#row(index);
      const oldPcData = readUint32(old, rowFields.pcDataCount);
      const oldFunctionData = (old.length - rowBytes) / 4 - oldPcData;
      row.set(old.subarray(0, rowBytes));
      this.#shift(row, rowFields.name, this.#shifts.name, false);
      this.#shift(row, rowFields.unit, this.#shifts.unit, false);
      for (const field of [rowFields.pcSp, rowFields.pcFile, rowFields.pcLine]) {
        this.#shift(row, field, this.#shifts.pcTable, true);
      }
      for (let i = 0; i < pcData && i < oldPcData; i++) {
        const value = readUint32(old, rowBytes + 4 * i);
        arrays.setUint32(rowBytes + 4 * i, value === 0 ? 0 : this.#shifts.pcTable.map(value), true);
      }
      for (let i = 0; i < functionData; i++) {
        const value = i < oldFunctionData ? readUint32(old, rowBytes + 4 * (oldPcData + i)) : noFunctionData;
        const moved = value === noFunctionData ? value : this.#shifts.functionData.map(value);
        arrays.setUint32(rowBytes + 4 * (pcData + i), moved, true);
      }
    }
    writeUint32(row, rowFields.entry, this.#map.newEntries[j] as number);
    writeUint32(row, rowFields.pcDataCount, pcData);
    row[rowBytes - 1] = functionData;
  }

  #shift(row: Uint8Array, at: number, shifts: ShiftTable, zeroIsNone: boolean): void {
    const value = readUint32(row, at);
    if (!zeroIsNone || value !== 0) writeUint32(row, at, shifts.map(value));
  }

  /** Lengths of the two arrays of a new row. */
  #arrays(j: number): { pcData: number; functionData: number } {
    const { matches, pcDataChanges, functionDataChanges } = this.#tables.layout;
    const index = matches[j] as number;
    let pcData = pcDataChanges[j] as number;
    let functionData = functionDataChanges[j] as number;
    if (index >= 0) {
      const old = this.#row(index);
      const oldPcData = readUint32(old, rowFields.pcDataCount);
      pcData += oldPcData;
      functionData += (old.length - this.#tables.geometry.rowBytes) / 4 - oldPcData;
    }
    if (pcData < 0 || pcData > maxArray || functionData < 0 || functionData > maxArray) {
      throw new SlipwayError('delta-malformed', `a row with ${pcData} and ${functionData} entries`);
    }
    return { pcData, functionData };
  }

  /** An old row with its arrays, without padding. */
  #row(index: number): Uint8Array {
    const { rowBytes } = this.#tables.geometry;
    const at = this.#old.rows[index] as number;
    const left = this.#region.length - at;
    const header = left < rowBytes ? undefined : this.#window.view(this.#region.offset + at, rowBytes);
    const pcData = header === undefined ? 0 : readUint32(header, rowFields.pcDataCount);
    const functionData = header === undefined ? 0 : (header[rowBytes - 1] as number);
    const length = rowBytes + 4 * (pcData + functionData);
    if (header === undefined || pcData > maxArray || length > left) {
      throw new SlipwayError('delta-malformed', `the row of old function ${index} does not fit the table`);
    }
    return this.#window.view(this.#region.offset + at, length);
  }
}

function align(value: number): number {
  return Math.ceil(value / rowAlignment) * rowAlignment;
}
