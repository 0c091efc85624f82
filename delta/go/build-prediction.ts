/**
 * Builds the prediction of a Go-aware delta from the old file and the side tables alone: the old file with functions
 * in their new order and with every known reference rewritten. One pass of output with positioned reads of the old
 * file; memory grows with the function table only. It says nothing about how good the prediction is.
 */

import { SlipwayError } from '../../contract/errors.ts';
import { RangeDecoder } from '../approximate/range-decoder.ts';
import type { ByteSink } from '../byte-sink.ts';
import { type ByteSource, memorySource } from '../byte-source.ts';
import { AddressMap } from './address-map.ts';
import { readFunctionTable } from './function-table.ts';
import { GoModule } from './go-module.ts';
import { NumberColumns } from './number-columns.ts';
import { type Region, type RegionKind, regionKinds } from './regions.ts';
import { codeSideTables, type SideTables, shiftKinds, sideTablesVersion } from './side-tables.ts';

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

/** No prediction is longer: a bound for what forged side tables can make of an old file. */
export function predictionLimit(oldLength: number): number {
  return 2 * oldLength + 1024 * 1024;
}

/** As readSideTables, and writes the prediction to `output` in long chunks. Ends other tasks of the module. */
export function buildGoPrediction(old: ByteSource, sideTables: Uint8Array, output: ByteSink): void {
  const tables = readSideTables(sideTables, old.length);
  const last = tables.regions.at(-1);
  if (last !== undefined && last.offset + last.length > old.length) {
    throw new SlipwayError('delta-malformed', `a region ends at ${last.offset + last.length} of ${old.length} bytes`);
  }
  const module = new GoModule({
    readOld: (target, offset) => old.readInto(target, offset),
    writeNew: (bytes) => output.write(bytes),
  });
  const writeRegion = prepare(module, old, tables);
  let end = 0;
  for (const region of tables.regions) {
    module.exports.copyOld(end, region.offset - end);
    writeRegion(region);
    end = region.offset + region.length;
  }
  module.exports.copyOld(end, old.length - end);
  module.exports.flush();
}

/** Gives the module what the tables say, and returns how it writes a region. */
function prepare(module: GoModule, old: ByteSource, tables: SideTables): (region: Region) => void {
  const { exports } = module;
  const { geometry, layout } = tables;
  const { architecture } = geometry;
  const limit = predictionLimit(old.length);
  const rows = tables.regions.find((region) => region.kind === 'functionTable') as Region;
  const table = readFunctionTable(old, rows.offset, rows.length, geometry.oldFunctions);
  exports.openOldFile(old.length);
  exports.openNewFile(limit);
  new AddressMap(tables, table, limit, module);
  exports.setGeometry(
    geometry.rowBytes,
    geometry.lowestAddress,
    geometry.addressEnd,
    geometry.oldTypes,
    geometry.newTypes,
    geometry.oldRodata,
    geometry.newRodata,
  );
  exports.setRows(module.put(table.rows), rows.offset, rows.length);
  const shiftsOf = (kind: number) => module.putShifts(tables.shifts[kind]);
  const names = shiftsOf(shiftKinds.name);
  const pcTables = shiftsOf(shiftKinds.pcTable);
  const functionData = shiftsOf(shiftKinds.functionData);
  const units = shiftsOf(shiftKinds.unit);
  const strings: Partial<Record<RegionKind, number>> = {
    fileOffsets: shiftsOf(shiftKinds.file),
    symbols: shiftsOf(shiftKinds.symbolName),
    dynamicSymbols: shiftsOf(shiftKinds.dynamicSymbolName),
  };
  const writeFunctionData = ({ offset, length }: Region): void => {
    exports.collectFunctionData();
    const places = exports.places.value;
    new Uint32Array(exports.memory.buffer, places, exports.placeCount.value).sort();
    exports.writeFunctionData(offset, length, names);
  };
  const writeRows = (): void => {
    const pcData = module.put(layout.pcDataChanges);
    exports.writeRows(pcData, module.put(layout.functionDataChanges), names, pcTables, functionData, units);
  };
  return (region) => {
    const { kind, offset, length, address } = region;
    switch (kind) {
      case 'functions':
        return exports.writeFunctions(architecture, geometry.oldTextOffset);
      case 'code':
        return exports.writeOtherCode(architecture, offset, length, address);
      case 'functionTable':
        return writeRows();
      case 'functionData':
        return writeFunctionData(region);
      case 'findFunctions':
        return exports.writeFindTable(exports.newEntries.value, exports.newCount.value);
      case 'pointers':
      case 'types':
      case 'typeOffsets':
      case 'relocations':
      case 'symbols':
      case 'fileOffsets':
      case 'dynamicSymbols':
        return exports.writeWords(regionKinds.indexOf(kind), offset, length, strings[kind] ?? 0);
      default:
        throw kind satisfies never;
    }
  };
}
