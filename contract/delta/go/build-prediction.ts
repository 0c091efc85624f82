/**
 * Builds the prediction of a Go-aware delta from the old file and the side tables alone: the old file with functions
 * in their new order and with every known reference rewritten. One pass of output with positioned reads of the old
 * file; memory grows with the function table only. It says nothing about how good the prediction is.
 */
import type { ByteSink } from '../../byte-sink.ts';
import { type ByteSource, memorySource } from '../../byte-source.ts';
import { SlipwayError } from '../../errors.ts';
import { RangeDecoder } from '../approximate/range-decoder.ts';
import { AddressMap } from './address-map.ts';
import { amd64Code } from './amd64-code.ts';
import { arm64Code } from './arm64-code.ts';
import { readFunctionTable } from './function-table.ts';
import { GatheredSink } from './gathered-sink.ts';
import { NumberColumns } from './number-columns.ts';
import { OldWindow } from './old-window.ts';
import { PredictedCode } from './predicted-code.ts';
import { buildFindTable } from './predicted-find-table.ts';
import { PredictedFunctionData } from './predicted-function-data.ts';
import { PredictedRows } from './predicted-rows.ts';
import { PredictedWords } from './predicted-words.ts';
import type { Region } from './regions.ts';
import { ShiftTable } from './shift-table.ts';
import { codeSideTables, type SideTables, shiftKinds, sideTablesVersion } from './side-tables.ts';

/** A multiple of every record's length: 8 and 24 bytes. */
const pieceBytes = 96 * 1024;

/**
 * @param sideTables one version byte, then the range-coded numbers of codeSideTables
 * @throws SlipwayError `delta-malformed` or `delta-truncated`; bytes may have been written by then
 */
export function readSideTables(sideTables: Uint8Array, oldLength: number): SideTables {
  if (sideTables[0] !== sideTablesVersion) {
    throw new SlipwayError('delta-malformed', `side tables of version ${sideTables[0]}, expected ${sideTablesVersion}`);
  }
  const decoder = new RangeDecoder(memorySource(sideTables), 1);
  const tables = codeSideTables(new NumberColumns(decoder), oldLength);
  decoder.finish();
  return tables;
}

/** Function data behind it is copied: a place there does not fit 32 bits with its kind. */
const maxFunctionDataBytes = 2 ** 29;

/** No prediction is longer: a bound for what forged side tables can make of an old file. */
export function predictionLimit(oldLength: number): number {
  return 2 * oldLength + 1024 * 1024;
}

/** As readSideTables, and writes the prediction to `output` in long chunks. */
export function buildGoPrediction(old: ByteSource, sideTables: Uint8Array, output: ByteSink): void {
  const tables = readSideTables(sideTables, old.length);
  const limit = predictionLimit(old.length);
  const last = tables.regions.at(-1);
  if (last !== undefined && last.offset + last.length > old.length) {
    throw new SlipwayError('delta-malformed', `a region ends at ${last.offset + last.length} of ${old.length} bytes`);
  }
  const sink = new GatheredSink(output, limit);
  const rowRegion = tables.regions.find((region) => region.kind === 'functionTable') as Region;
  const table = readFunctionTable(old, rowRegion.offset, rowRegion.length, tables.geometry.oldFunctions);
  const map = new AddressMap(tables, table, limit);
  const window = new OldWindow(old);
  const shifts = tables.shifts.map((runs) => new ShiftTable(runs));
  const shiftOf = (kind: keyof typeof shiftKinds) => shifts[shiftKinds[kind]] as ShiftTable;
  const family = tables.geometry.architecture === 0 ? amd64Code : arm64Code;
  const code = new PredictedCode(tables, table, map, window, family);
  const words = new PredictedWords(tables.geometry, map, shiftOf('file'));
  const rows = new PredictedRows(tables, table, map, window, rowRegion, {
    name: shiftOf('name'),
    pcTable: shiftOf('pcTable'),
    functionData: shiftOf('functionData'),
    unit: shiftOf('unit'),
  });

  const writeRegion = (region: Region): void => {
    const { kind } = region;
    if (kind === 'functions') code.writeFunctions(sink);
    else if (kind === 'code') code.writeOther(region, sink);
    else if (kind === 'functionTable') rows.write(sink);
    else if (kind === 'findFunctions') sink.write(buildFindTable(map.newEntries));
    else if (kind === 'functionData') {
      const data = new PredictedFunctionData(tables.geometry, map, shiftOf('name'), window);
      data.write(region, functionDataPlaces(rows), sink);
    } else copyPieces(window, region.offset, region.length, sink, (piece) => words[kind](piece));
  };

  let end = 0;
  for (const region of tables.regions) {
    copyPieces(window, end, region.offset - end, sink);
    writeRegion(region);
    end = region.offset + region.length;
  }
  copyPieces(window, end, old.length - end, sink);
  sink.flush();
}

function functionDataPlaces(rows: PredictedRows): Uint32Array {
  const places = new Uint32Array(rows.countFunctionData());
  let count = 0;
  rows.visitFunctionData((kind, offset) => {
    if (kind < 8 && offset < maxFunctionDataBytes) places[count++] = offset * 8 + kind;
  });
  return places.subarray(0, count);
}

/** Copies a range of the old file; `rewrite` changes each piece in place. */
function copyPieces(
  window: OldWindow,
  offset: number,
  length: number,
  sink: ByteSink,
  rewrite?: (piece: Uint8Array) => void,
): void {
  const buffer = new Uint8Array(Math.min(pieceBytes, Math.max(length, 0)));
  for (let at = 0; at < length; at += pieceBytes) {
    const view = window.view(offset + at, Math.min(pieceBytes, length - at));
    if (rewrite === undefined) {
      sink.write(view);
      continue;
    }
    const piece = buffer.subarray(0, view.length);
    piece.set(view);
    rewrite(piece);
    sink.write(piece);
  }
}
