/**
 * Carries out the instructions of one window (RFC 3284 sections 3 and 5): ADD, RUN and COPY into the target window,
 * COPY from the source segment or from the window itself. It writes nothing outside the window, reads nothing outside
 * the source segment, and accepts no window that leaves bytes unmade or sections unread.
 */
import { SlipwayError } from '../../contract/errors.ts';
import { AddressCache } from './address-cache.ts';
import { add, copy, defaultCodeTable, noop } from './code-table.ts';
import { Cursor } from './cursor.ts';
import type { SourceCache } from './source-cache.ts';
import type { WindowHeader } from './window-header.ts';

/** Up to here a loop over bytes beats a call of the typed array. */
const loopBytes = 32;

interface WindowSections {
  readonly data: Uint8Array;
  readonly instructions: Uint8Array;
  readonly addresses: Uint8Array;
}

export class TargetWindow {
  private readonly source: SourceCache;
  private readonly cache = new AddressCache();
  private target: Uint8Array = new Uint8Array(0);
  private filled = 0;
  private data = new Cursor(this.target, 'data section', 'vcdiff-malformed');
  private addresses = new Cursor(this.target, 'address section', 'vcdiff-malformed');
  private sourcePosition = 0;
  private sourceLength = 0;

  constructor(source: SourceCache) {
    this.source = source;
  }

  /**
   * Fills `target`, whose length is that of the target window.
   * @throws SlipwayError `vcdiff-malformed` or `vcdiff-out-of-bounds`, and what the old file throws
   */
  fill(target: Uint8Array, header: WindowHeader, sections: WindowSections): void {
    this.target = target;
    this.filled = 0;
    this.sourcePosition = header.sourcePosition;
    this.sourceLength = header.sourceLength;
    this.data = new Cursor(sections.data, 'data section', 'vcdiff-malformed');
    this.addresses = new Cursor(sections.addresses, 'address section', 'vcdiff-malformed');
    this.cache.reset();

    const instructions = new Cursor(sections.instructions, 'instruction section', 'vcdiff-malformed');
    const { firstType, firstSize, firstMode, secondType, secondSize, secondMode } = defaultCodeTable;
    while (instructions.remaining > 0) {
      const code = instructions.byte();
      this.execute(instructions, firstType[code] as number, firstSize[code] as number, firstMode[code] as number);
      const second = secondType[code] as number;
      if (second !== noop) {
        this.execute(instructions, second, secondSize[code] as number, secondMode[code] as number);
      }
    }

    if (this.filled !== target.length) {
      throw new SlipwayError(
        'vcdiff-malformed',
        `a window of ${target.length} bytes, but its instructions make ${this.filled}`,
      );
    }
    for (const section of [this.data, this.addresses]) {
      if (section.remaining === 0) continue;
      throw new SlipwayError('vcdiff-malformed', `${section.remaining} bytes of the ${section.what} are not used`);
    }
  }

  private execute(instructions: Cursor, type: number, sizeInCode: number, mode: number): void {
    const size = sizeInCode === 0 ? instructions.varint() : sizeInCode;
    if (size > this.target.length - this.filled) {
      throw new SlipwayError(
        'vcdiff-out-of-bounds',
        `an instruction makes ${size} bytes, but the window has room for ${this.target.length - this.filled}`,
      );
    }
    if (type === copy) this.copy(size, mode);
    else if (type === add) this.data.moveInto(this.target, this.filled, size);
    else this.target.fill(this.data.byte(), this.filled, this.filled + size);
    this.filled += size;
  }

  /** Addresses count through the source segment, then through the target window. */
  private copy(size: number, mode: number): void {
    const address = this.cache.decode(mode, this.sourceLength + this.filled, this.addresses);
    const inSource = Math.min(Math.max(this.sourceLength - address, 0), size);
    if (inSource > 0) this.source.copyInto(this.target, this.filled, this.sourcePosition + address, inSource);
    if (inSource === size) return;
    this.copyWithin(this.filled + inSource, Math.max(address - this.sourceLength, 0), size - inSource);
  }

  /** A copy whose source runs into what it writes repeats it (RFC 3284 section 3). */
  private copyWithin(to: number, from: number, size: number): void {
    const { target } = this;
    if (size <= loopBytes) {
      for (let i = 0; i < size; i++) target[to + i] = target[from + i] as number;
      return;
    }
    // What is there already is a whole number of periods, so each round may double it.
    for (let done = 0; done < size; ) {
      const count = Math.min(to + done - from, size - done);
      target.copyWithin(to + done, from, from + count);
      done += count;
    }
  }
}
