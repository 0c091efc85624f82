/**
 * Learns how addresses moved from the data of both programs: where an old word is expected to lie in the new program,
 * the new word tells where what it points at went.
 */
import type { AddressMap } from '../../go/address-map.ts';
import type { Region } from '../../go/regions.ts';
import type { GoImage } from './go-image.ts';
import { relativeRelocations } from './module-data.ts';
import { fileOffsetOf } from './program-areas.ts';
import type { ShiftVotes } from './shift-votes.ts';

/**
 * @param map built from what is known so far
 * @param vote told of addresses and where they went, right or not
 */
export function learnFromData(
  old: GoImage,
  new_: GoImage,
  regions: readonly Region[],
  map: AddressMap,
  vote: ShiftVotes['add'],
): void {
  for (const region of regions) {
    if (region.kind !== 'pointers' && region.kind !== 'types' && region.kind !== 'typeOffsets') continue;
    const unit = region.kind === 'typeOffsets' ? 4 : 8;
    for (let at = 0; at + unit <= region.length; at += unit) {
      const here = region.offset + at;
      const there = fileOffsetOf(new_.elf, map.map(region.address + at));
      if (there < 0 || there % 4 !== here % 4 || there + unit > new_.elf.bytes.length) continue;
      if (unit === 4) {
        vote(old.types + old.elf.view.getUint32(here, true), new_.types + new_.elf.view.getUint32(there, true));
        continue;
      }
      const low = old.elf.view.getUint32(here, true);
      const high = old.elf.view.getUint32(here + 4, true);
      const newLow = new_.elf.view.getUint32(there, true);
      const newHigh = new_.elf.view.getUint32(there + 4, true);
      if (high === 0 && low >= old.types && newHigh === 0) vote(low, newLow);
      else if (region.kind === 'types' && !map.areEntries(low, high)) {
        if (low !== 0) vote(old.types + low, new_.types + newLow);
        if (high !== 0) vote(old.types + high, new_.types + newHigh);
      }
    }
  }
  const newWords = relativeRelocations(new_.elf);
  for (const [place, address] of relativeRelocations(old.elf)) {
    const newAddress = newWords.get(map.map(place));
    if (newAddress !== undefined) vote(address, newAddress);
  }
}
