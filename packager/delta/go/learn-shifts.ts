/** Learns from both programs how each kind of value moved. */
import type { CodeFamily } from '../../../contract/delta/go/code-family.ts';
import { amd64Code } from '../../../contract/delta/go/amd64-code.ts';
import { arm64Code } from '../../../contract/delta/go/arm64-code.ts';
import { noFunctionData, rowFields } from '../../../contract/delta/go/function-table.ts';
import type { ShiftRuns } from '../../../contract/delta/go/shift-table.ts';
import { type GoImage, type FileRange } from './go-image.ts';
import { learnFromData } from './learn-from-data.ts';
import type { AddressMap } from '../../../contract/delta/go/address-map.ts';
import type { Region } from '../../../contract/delta/go/regions.ts';
import { ShiftVotes } from './shift-votes.ts';

/** How often what was learnt from data is used to learn more from data. */
const dataRounds = Number(process.env.ROUNDS ?? 1);

/** Runs by kind in the order of shiftKinds. */
export function learnShifts(
  old: GoImage,
  new_: GoImage,
  matches: Int32Array,
  regions: readonly Region[],
  mapOf: (shifts: ShiftRuns[]) => AddressMap,
): ShiftRuns[] {
  const votes = { address: new ShiftVotes(), name: new ShiftVotes(), pcTable: new ShiftVotes(), functionData: new ShiftVotes(), unit: new ShiftVotes(), file: new ShiftVotes() };
  learnAddresses(old, new_, matches, votes.address);
  for (let i = 0; i < Math.min(old.elf.areas.length, new_.elf.areas.length); i++) {
    const a = old.elf.areas[i];
    const b = new_.elf.areas[i];
    if (a?.loaded && b?.loaded && a.name === b.name) votes.address.add(a.address, b.address, 20);
  }
  learnStrings(old, new_, old.nameTable, new_.nameTable, votes.name);
  learnStrings(old, new_, old.fileTable, new_.fileTable, votes.file);
  learnRows(old, new_, matches, votes);
  for (let round = 0; round < dataRounds; round++) {
    learnFromData(old, new_, regions, mapOf([votes.address.fit()]), votes.address);
  }
  return [votes.address, votes.name, votes.pcTable, votes.functionData, votes.unit, votes.file].map((kind) => kind.fit());
}

export function familyOf(image: GoImage): CodeFamily {
  return image.architecture === 0 ? amd64Code : arm64Code;
}

interface References {
  count: number;
  at: Int32Array;
  form: Int32Array;
  target: Float64Array;
}

function learnAddresses(old: GoImage, new_: GoImage, matches: Int32Array, votes: ShiftVotes): void {
  const family = familyOf(old);
  const a = makeReferences();
  const b = makeReferences();
  const oldEnd = old.text + (old.functions.entries[old.functions.count] as number);
  for (let j = 0; j < matches.length; j++) {
    const i = matches[j] as number;
    if (i < 0) continue;
    const oldLength = lengthOf(old, i);
    if (oldLength !== lengthOf(new_, j)) continue;
    collect(family, old, i, a);
    collect(family, new_, j, b);
    for (let x = 0, y = 0; x < a.count && y < b.count; ) {
      const difference = (a.at[x] as number) - (b.at[y] as number);
      if (difference === 0) {
        const target = a.target[x] as number;
        if (a.form[x] === b.form[y] && target > 0 && (target < old.text || target >= oldEnd) && target < old.elf.addressEnd) {
          const newTarget = b.target[y] as number;
          if (newTarget > 0 && newTarget < new_.elf.addressEnd) votes.add(target, newTarget);
        }
        x++;
        y++;
      } else if (difference < 0) x++;
      else y++;
    }
  }
}

export function lengthOf(image: GoImage, index: number): number {
  return (image.functions.entries[index + 1] as number) - (image.functions.entries[index] as number);
}

export function codeOf(image: GoImage, index: number): Uint8Array {
  const start = image.textOffset + (image.functions.entries[index] as number) - (image.functions.entries[0] as number);
  return image.elf.bytes.subarray(start, start + lengthOf(image, index));
}

function makeReferences(): References {
  const size = 1 << 20;
  return { count: 0, at: new Int32Array(size), form: new Int32Array(size), target: new Float64Array(size) };
}

function collect(family: CodeFamily, image: GoImage, index: number, into: References): void {
  into.count = 0;
  family.visit(codeOf(image, index), image.text + (image.functions.entries[index] as number), (at, form, _, target) => {
    if (into.count >= into.at.length) return;
    into.at[into.count] = at;
    into.form[into.count] = form;
    into.target[into.count++] = target;
  });
}

/** Strings that both tables hold, by content. */
function learnStrings(old: GoImage, new_: GoImage, oldTable: FileRange, newTable: FileRange, votes: ShiftVotes): void {
  const newPlaces = new Map<string, number>();
  for (const [text, at] of strings(new_, newTable)) newPlaces.set(text, at);
  for (const [text, at] of strings(old, oldTable)) {
    const place = newPlaces.get(text);
    if (place !== undefined) votes.add(at, place);
  }
}

function* strings(image: GoImage, table: FileRange): Generator<[string, number]> {
  const bytes = Buffer.from(image.elf.bytes.buffer, image.elf.bytes.byteOffset + table.offset, table.length);
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

export function rowOf(image: GoImage, index: number) {
  const at = image.functionTable.offset + (image.functions.rows[index] as number);
  const { view } = image.elf;
  const pcData = view.getUint32(at + rowFields.pcDataCount, true);
  const functionData = view.getUint8(at + image.rowBytes - 1);
  const arrays = at + image.rowBytes;
  return {
    pcData,
    functionData,
    field: (field: number) => view.getUint32(at + field, true),
    pcDataAt: (k: number) => view.getUint32(arrays + 4 * k, true),
    functionDataAt: (k: number) => view.getUint32(arrays + 4 * (pcData + k), true),
  };
}
