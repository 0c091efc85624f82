/**
 * Analyses two builds of a Go program and writes the side tables from which delta/go builds the prediction.
 * Says why it cannot instead of throwing: the caller then takes another method.
 */

import { SlipwayError } from '../../../contract/errors.ts';
import { AddressMap } from '../../go/address-map.ts';
import { predictionLimit } from '../../go/build-prediction.ts';
import type { FunctionLayout } from '../../go/function-layout.ts';
import { NumberColumns } from '../../go/number-columns.ts';
import type { ShiftRuns } from '../../go/shift-table.ts';
import { codeSideTables, type SideTables, sideTablesVersion } from '../../go/side-tables.ts';
import { RangeEncoder } from '../approximate/range-encoder.ts';
import { compareFunctions } from './compare-functions.ts';
import { type GoImage, lengthOf, type NotGo, readGoImage, rowOf } from './go-image.ts';
import { learnShifts } from './learn-shifts.ts';
import { matchFunctions } from './match-functions.ts';
import { planRegions } from './plan-regions.ts';
import { ShiftVotes } from './shift-votes.ts';

export function analyseGoPair(oldBytes: Uint8Array, newBytes: Uint8Array): { readonly sideTables: Uint8Array } | NotGo {
  const old = readGoImage(oldBytes);
  if ('notGo' in old) return old;
  const new_ = readGoImage(newBytes);
  if ('notGo' in new_) return new_;
  if (old.architecture !== new_.architecture) return { notGo: 'the two are for different machines' };
  if (old.rowBytes !== new_.rowBytes) return { notGo: 'pclntab changed its format in between' };
  try {
    return { sideTables: writeSideTables(analyse(old, new_), oldBytes.length) };
  } catch (error) {
    if (error instanceof SlipwayError || error instanceof RangeError) return { notGo: error.message };
    throw error;
  }
}

function analyse(old: GoImage, new_: GoImage): SideTables {
  const matches = matchFunctions(old.names, new_.names);
  const regions = planRegions(old);
  const addresses = new ShiftVotes();
  const edits = compareFunctions(old, new_, matches, addresses);
  const plan = {
    geometry: {
      architecture: old.architecture,
      rowBytes: old.rowBytes,
      oldFunctions: old.functions.count,
      oldText: old.text,
      newText: new_.text,
      oldTextOffset: old.textOffset,
      lowestAddress: Math.min(...regions.filter((region) => region.address > 0).map((region) => region.address)),
      addressEnd: old.elf.addressEnd,
      oldTypes: old.types,
      newTypes: new_.types,
      oldRodata: old.rodata,
      newRodata: new_.rodata,
    },
    regions,
    layout: layOut(old, new_, matches),
    edits,
  };
  const mapOf = (shifts: ShiftRuns[]) =>
    new AddressMap({ ...plan, shifts }, old.functions, predictionLimit(old.elf.bytes.length));
  return { ...plan, shifts: learnShifts(old, new_, matches, regions, addresses, mapOf) };
}

function layOut(old: GoImage, new_: GoImage, matches: Int32Array): FunctionLayout {
  const change = (measure: (image: GoImage, index: number) => number) =>
    matches.map((i, j) => measure(new_, j) - (i < 0 ? 0 : measure(old, i)));
  return {
    matches,
    sizeChanges: change(lengthOf),
    pcDataChanges: change((image, index) => rowOf(image, index).pcData),
    functionDataChanges: change((image, index) => rowOf(image, index).functionData),
  };
}

export function writeSideTables(tables: SideTables, oldLength: number): Uint8Array {
  const encoder = new RangeEncoder();
  codeSideTables(new NumberColumns(encoder), oldLength, tables);
  const body = encoder.finish();
  const bytes = new Uint8Array(1 + body.length);
  bytes[0] = sideTablesVersion;
  bytes.set(body, 1);
  return bytes;
}
