/**
 * Reads forward over bytes in memory: single bytes and the integers of RFC 3284 section 2 (base 128, most significant
 * group first). It refuses to read past its end, with the code its owner gave for that.
 */
import { SlipwayError } from '../../contract/errors.ts';

/** Groups of one integer: eight reach 2^53, two more may be leading zeros of a padding encoder. */
const maxGroups = 10;
/** The largest value to which one more group can be appended without leaving the exact integers of a double. */
const maxBeforeLastGroup = Math.floor(Number.MAX_SAFE_INTEGER / 128);

/** Up to here a loop over bytes beats a call of the typed array. */
const loopBytes = 32;

/** What running out of bytes means: the delta ended early, or a section says more than it holds. */
type EndCode = 'vcdiff-truncated' | 'vcdiff-malformed';

export class Cursor {
  readonly what: string;
  readonly endCode: EndCode;
  private readonly bytes: Uint8Array;
  position = 0;

  /** @param what the name of these bytes in messages, e.g. `instruction section` */
  constructor(bytes: Uint8Array, what: string, endCode: EndCode) {
    this.bytes = bytes;
    this.what = what;
    this.endCode = endCode;
  }

  get remaining(): number {
    return this.bytes.length - this.position;
  }

  byte(): number {
    const value = this.bytes[this.position];
    if (value === undefined) throw this.ended();
    this.position++;
    return value;
  }

  /** Moves the next `length` bytes to `at` in `target`. */
  moveInto(target: Uint8Array, at: number, length: number): void {
    const { bytes, position } = this;
    if (length > bytes.length - position) throw this.ended();
    if (length <= loopBytes) for (let i = 0; i < length; i++) target[at + i] = bytes[position + i] as number;
    else target.set(bytes.subarray(position, position + length), at);
    this.position = position + length;
  }

  /**
   * An integer of 0 to 2^53 - 1.
   * @throws SlipwayError `vcdiff-malformed` when it is larger or padded beyond ten bytes
   */
  varint(): number {
    const first = this.bytes[this.position] ?? 0;
    if (first < 128 && this.position < this.bytes.length) {
      this.position++;
      return first;
    }
    return this.longVarint();
  }

  /** Four bytes, most significant first: the checksum of xdelta3's window extension. */
  uint32(): number {
    return this.byte() * 0x1000000 + ((this.byte() << 16) | (this.byte() << 8) | this.byte());
  }

  private longVarint(): number {
    let value = 0;
    for (let group = 0; group < maxGroups; group++) {
      const byte = this.byte();
      if (value > maxBeforeLastGroup) break;
      value = value * 128 + (byte & 127);
      if (byte < 128) return value;
    }
    throw new SlipwayError('vcdiff-malformed', `an integer in the ${this.what} exceeds 53 bits`);
  }

  private ended(): SlipwayError {
    return new SlipwayError(this.endCode, `the ${this.what} ends in the middle of a value`);
  }
}
