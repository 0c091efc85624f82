/** Learns from both programs how each kind of value moved. */

import { type FilePlace, sectionTypes } from '../../elf.ts';
import type { AddressMap } from '../../go/address-map.ts';
import { noFunctionData, rowFields } from '../../go/function-table.ts';
import type { Region } from '../../go/regions.ts';
import type { ShiftRuns } from '../../go/shift-table.ts';
import { shiftKinds } from '../../go/side-tables.ts';
import { type GoImage, rowOf } from './go-image.ts';
import { learnFromData } from './learn-from-data.ts';
import { learnFromSymbols } from './learn-from-symbols.ts';
import { bytesIn, symbolTable } from './program-areas.ts';
import { ShiftVotes } from './shift-votes.ts';

/** The start of a section is worth a run of its own when no reference speaks of it. */
const sectionStartWeight = 3;

/** Runs by kind in the order of shiftKinds. */
export function learnShifts(
  old: GoImage,
  new_: GoImage,
  matches: Int32Array,
  regions: readonly Region[],
  address: ShiftVotes,
  mapOf: (shifts: ShiftRuns[]) => AddressMap,
): ShiftRuns[] {
  const votes = {
    address,
    name: new ShiftVotes(),
    pcTable: new ShiftVotes(),
    functionData: new ShiftVotes(),
    unit: new ShiftVotes(),
    file: new ShiftVotes(),
    symbolName: new ShiftVotes(),
    dynamicSymbolName: new ShiftVotes(),
  };
  for (let i = 0; i < Math.min(old.elf.areas.length, new_.elf.areas.length); i++) {
    const a = old.elf.areas[i];
    const b = new_.elf.areas[i];
    if (a?.loaded && b?.loaded && a.name === b.name) votes.address.addUnknown(a.address, b.address, sectionStartWeight);
  }
  learnStrings(old, new_, old.nameTable, new_.nameTable, votes.name);
  learnStrings(old, new_, old.fileTable, new_.fileTable, votes.file);
  learnSymbolNames(old, new_, sectionTypes.symbols, votes.symbolName);
  learnSymbolNames(old, new_, sectionTypes.dynamicSymbols, votes.dynamicSymbolName);
  learnRows(old, new_, matches, votes);
  const vote = addressVote(old, new_, votes.address);
  learnFromSymbols(old.elf, new_.elf, vote);
  learnFromData(old, new_, regions, mapOf([votes.address.cheapestRuns()]), vote);
  const kinds = Object.keys(shiftKinds) as (keyof typeof shiftKinds)[];
  return kinds.map((kind) => votes[kind].cheapestRuns());
}

const smallestAddress = 0x1000;

/** Votes on addresses that no function table tells about. */
function addressVote(old: GoImage, new_: GoImage, votes: ShiftVotes): ShiftVotes['add'] {
  const couldBe = ({ text, functions, elf }: GoImage, address: number) =>
    address >= smallestAddress &&
    address < elf.addressEnd &&
    (address < text || address >= text + (functions.entries[functions.count] as number));
  return (address, newAddress) => {
    if (couldBe(old, address) && couldBe(new_, newAddress)) votes.add(address, newAddress);
  };
}

function learnSymbolNames(old: GoImage, new_: GoImage, type: number, votes: ShiftVotes): void {
  const [a, b] = [old, new_].map(({ elf }) => symbolTable(elf, type));
  if (a !== undefined && b !== undefined) learnStrings(old, new_, a.strings, b.strings, votes);
}

/** Strings that both tables hold, by content. */
function learnStrings(old: GoImage, new_: GoImage, oldTable: FilePlace, newTable: FilePlace, votes: ShiftVotes): void {
  const newPlaces = new Map<string, number>();
  for (const [text, at] of strings(new_, newTable)) newPlaces.set(text, at);
  for (const [text, at] of strings(old, oldTable)) {
    const place = newPlaces.get(text);
    if (place !== undefined) votes.add(at, place);
  }
}

function* strings(image: GoImage, table: FilePlace): Generator<[string, number]> {
  const bytes = bytesIn(image.elf, table);
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf(0, at);
    if (end < 0) return;
    yield [bytes.toString('latin1', at, end), at];
    at = end + 1;
  }
}

interface RowVotes {
  readonly name: ShiftVotes;
  readonly pcTable: ShiftVotes;
  readonly functionData: ShiftVotes;
  readonly unit: ShiftVotes;
}

function learnRows(old: GoImage, new_: GoImage, matches: Int32Array, votes: RowVotes): void {
  for (let j = 0; j < matches.length; j++) {
    const i = matches[j] as number;
    if (i < 0) continue;
    const a = rowOf(old, i);
    const b = rowOf(new_, j);
    votes.name.add(a.field(rowFields.name), b.field(rowFields.name));
    votes.unit.add(a.field(rowFields.unit), b.field(rowFields.unit));
    const pair = (x: number, y: number) => {
      if (x !== 0 && y !== 0) votes.pcTable.add(x, y);
    };
    for (const field of [rowFields.pcSp, rowFields.pcFile, rowFields.pcLine]) pair(a.field(field), b.field(field));
    for (let k = 0; k < Math.min(a.pcData, b.pcData); k++) pair(a.pcDataAt(k), b.pcDataAt(k));
    for (let k = 0; k < Math.min(a.functionData, b.functionData); k++) {
      const x = a.functionDataAt(k);
      const y = b.functionDataAt(k);
      if (x !== noFunctionData && y !== noFunctionData) votes.functionData.add(x, y);
    }
  }
}
