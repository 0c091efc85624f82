/** Learns how addresses moved from what both programs name: their symbols. */
import { type ElfFile, type ElfRange, number64, sectionTypes } from './elf.ts';
import type { ShiftVotes } from './shift-votes.ts';

const symbolTables: ReadonlySet<number> = new Set([sectionTypes.symbols, sectionTypes.dynamicSymbols]);
const symbolBytes = 24;

/** @param vote told of the address that each name has in the old program and in the new one */
export function learnFromSymbols(old: ElfFile, new_: ElfFile, vote: ShiftVotes['add']): void {
  for (const table of tablesOf(old)) {
    const other = tablesOf(new_).find(({ type }) => type === table.type);
    if (other === undefined) continue;
    const newPlaces = addressesByName(new_, other);
    for (const [name, addresses] of addressesByName(old, table)) {
      const newAddresses = newPlaces.get(name);
      // Of names that occur more often only the order tells which is which.
      if (newAddresses?.length !== addresses.length) continue;
      for (const [i, address] of addresses.entries()) vote(address, newAddresses[i] as number);
    }
  }
}

function tablesOf({ areas }: ElfFile): ElfRange[] {
  return areas.filter(({ type, strings }) => symbolTables.has(type) && strings !== undefined);
}

/** Elf64_Sym: the name's place in the string table first, the value at 8. */
function addressesByName({ bytes, view }: ElfFile, table: ElfRange): Map<string, number[]> {
  const found = new Map<string, number[]>();
  const { offset = 0, length = 0 } = table.strings ?? {};
  const names = Buffer.from(
    bytes.buffer,
    bytes.byteOffset + offset,
    Math.max(0, Math.min(length, bytes.length - offset)),
  );
  for (let at = table.offset; at + symbolBytes <= table.offset + table.length; at += symbolBytes) {
    const address = number64(view, at + 8);
    const start = view.getUint32(at, true);
    const end = names.indexOf(0, start);
    if (address === 0 || start === 0 || end < 0) continue;
    const name = names.toString('latin1', start, end);
    const addresses = found.get(name);
    if (addresses === undefined) found.set(name, [address]);
    else addresses.push(address);
  }
  return found;
}
