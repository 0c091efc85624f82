/**
 * Keeps recent copy addresses, so that a delta can name them in few bytes: the address cache of RFC 3284 section 5.3,
 * with the sizes of the default code table. It is empty at the start of every window.
 */
import { SlipwayError } from '../../contract/errors.ts';
import type { Cursor } from './cursor.ts';

const nearSize = 4;
const sameSize = 3;
const sameSlots = sameSize * 256;

const modeSelf = 0;
const modeHere = 1;
const firstNearMode = 2;
const firstSameMode = firstNearMode + nearSize;

export class AddressCache {
  // Addresses reach 2^53, beyond the integer arrays.
  private readonly near = new Float64Array(nearSize);
  private readonly same = new Float64Array(sameSlots);
  private nextNear = 0;

  reset(): void {
    this.near.fill(0);
    this.same.fill(0);
    this.nextNear = 0;
  }

  /**
   * The address of a copy, and remembers it.
   * @param mode 0 to 8: self, here, near 0-3, same 0-2
   * @param here the address that the next byte of the target has; a copy begins before it
   * @param addresses the address section of the window
   * @throws SlipwayError `vcdiff-out-of-bounds` for an address not before `here`, and what `addresses` throws
   */
  decode(mode: number, here: number, addresses: Cursor): number {
    const address = this.read(mode, here, addresses);
    if (address < 0 || address >= here) {
      throw new SlipwayError('vcdiff-out-of-bounds', `a copy from address ${address}, expected 0 to ${here - 1}`);
    }
    this.near[this.nextNear] = address;
    this.nextNear = (this.nextNear + 1) % nearSize;
    this.same[address % sameSlots] = address;
    return address;
  }

  private read(mode: number, here: number, addresses: Cursor): number {
    if (mode === modeSelf) return addresses.varint();
    if (mode === modeHere) return here - addresses.varint();
    if (mode < firstSameMode) return (this.near[mode - firstNearMode] ?? 0) + addresses.varint();
    return this.same[(mode - firstSameMode) * 256 + addresses.byte()] ?? 0;
  }
}
