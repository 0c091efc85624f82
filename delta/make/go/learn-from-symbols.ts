/** Learns how addresses moved from what both programs name: their symbols. */
import { sectionTypes } from '../../elf.ts';
import { type ElfFile, symbolsIn } from './program-areas.ts';
import type { ShiftVotes } from './shift-votes.ts';

const symbolTypes = [sectionTypes.symbols, sectionTypes.dynamicSymbols];

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

function addressesByName(elf: ElfFile, type: number): Map<string, number[]> {
  const found = new Map<string, number[]>();
  for (const [name, address] of symbolsIn(elf, type)) {
    const addresses = found.get(name);
    if (addresses === undefined) found.set(name, [address]);
    else addresses.push(address);
  }
  return found;
}
