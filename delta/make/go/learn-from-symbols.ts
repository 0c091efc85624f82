/** Learns how addresses moved from what both programs name: their symbols. */
import { bytesIn, type ElfFile, number64, sectionTypes, symbolTable } from './elf.ts';
import type { ShiftVotes } from './shift-votes.ts';

const symbolTypes = [sectionTypes.symbols, sectionTypes.dynamicSymbols];
const symbolBytes = 24;

/** @param vote told of the address that each name has in the old program and in the new one */
export function learnFromSymbols(old: ElfFile, new_: ElfFile, vote: ShiftVotes['add']): void {
  for (const type of symbolTypes) {
    const newPlaces = addressesByName(new_, type);
    for (const [name, addresses] of addressesByName(old, type)) {
      const newAddresses = newPlaces.get(name);
      // Of names that occur more often only the order tells which is which.
      if (newAddresses?.length !== addresses.length) continue;
      for (const [i, address] of addresses.entries()) vote(address, newAddresses[i] as number);
    }
  }
}

/** Elf64_Sym: the name's place in the string table first, the value at 8. */
function addressesByName(elf: ElfFile, type: number): Map<string, number[]> {
  const found = new Map<string, number[]>();
  const symbols = symbolTable(elf, type);
  if (symbols === undefined) return found;
  const { table } = symbols;
  const { view } = elf;
  const names = bytesIn(elf, symbols.strings);
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
