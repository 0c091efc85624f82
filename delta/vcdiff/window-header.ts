/**
 * Reads the header of one delta window (RFC 3284 section 4.2 and 4.3, with xdelta3's checksum): how much old file it
 * copies from, how much target it makes, and how long its sections are. Every length is held against its limit here,
 * before anybody allocates for it.
 */
import { SlipwayError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import { Cursor } from './cursor.ts';
import type { DeltaStream } from './delta-stream.ts';

const fromSource = 0x01;
const fromTarget = 0x02;
/** Not in the RFC: xdelta3 puts the Adler-32 of the target window before the sections. */
const withAdler32 = 0x04;
/** Two indicators, seven integers of ten bytes at most, the checksum. */
const longestWindowHeaderBytes = 2 + 7 * 10 + 4;

/** All lengths in bytes. */
export interface WindowHeader {
  /** Where the source segment begins in the old file; 0 when there is none. */
  readonly sourcePosition: number;
  /** 0 when there is none. */
  readonly sourceLength: number;
  readonly targetLength: number;
  readonly dataLength: number;
  readonly instructionsLength: number;
  readonly addressesLength: number;
  readonly adler32: number | undefined;
}

/**
 * Consumes the header of the next window; undefined at the end of the delta.
 * @param oldLength of the old file
 * @throws SlipwayError `vcdiff-malformed`, `vcdiff-truncated`, `vcdiff-out-of-bounds`, `vcdiff-window-too-large`,
 *   `vcdiff-secondary-compression`, `vcdiff-target-segment`
 */
export async function readWindowHeader(delta: DeltaStream, oldLength: number): Promise<WindowHeader | undefined> {
  const bytes = await delta.peek(longestWindowHeaderBytes);
  if (bytes.length === 0) return undefined;
  const cursor = new Cursor(bytes, 'window header', 'vcdiff-truncated');

  const indicator = cursor.byte();
  if (indicator & ~(fromSource | fromTarget | withAdler32)) {
    throw new SlipwayError('vcdiff-malformed', `unknown bits in the window indicator ${indicator}`);
  }
  if (indicator & fromTarget) {
    // Reading back what was written would need random access to the file under construction.
    throw new SlipwayError('vcdiff-target-segment', 'a window copies from an earlier target window (VCD_TARGET)');
  }
  const sourceLength = indicator & fromSource ? cursor.varint() : 0;
  const sourcePosition = indicator & fromSource ? cursor.varint() : 0;
  if (sourcePosition + sourceLength > oldLength) {
    throw new SlipwayError(
      'vcdiff-out-of-bounds',
      `a source segment of ${sourceLength} bytes at ${sourcePosition}, but the old file has ${oldLength} bytes`,
    );
  }

  const encodingLength = cursor.varint();
  const encodingStart = cursor.position;
  const targetLength = withinLimit(cursor.varint(), limits.maxVcdiffTargetWindowBytes, 'target window');
  if (cursor.byte() !== 0) {
    throw new SlipwayError('vcdiff-secondary-compression', 'the sections of a window are compressed');
  }
  const dataLength = withinLimit(cursor.varint(), limits.maxVcdiffSectionBytes, 'data section');
  const instructionsLength = withinLimit(cursor.varint(), limits.maxVcdiffSectionBytes, 'instruction section');
  const addressesLength = withinLimit(cursor.varint(), limits.maxVcdiffSectionBytes, 'address section');
  const adler32 = indicator & withAdler32 ? cursor.uint32() : undefined;

  const described = cursor.position - encodingStart + dataLength + instructionsLength + addressesLength;
  if (described !== encodingLength) {
    throw new SlipwayError(
      'vcdiff-malformed',
      `a window says it has ${encodingLength} bytes, but its parts have ${described}`,
    );
  }
  delta.consume(cursor.position);
  return { sourcePosition, sourceLength, targetLength, dataLength, instructionsLength, addressesLength, adler32 };
}

function withinLimit(length: number, limit: number, what: string): number {
  if (length <= limit) return length;
  throw new SlipwayError('vcdiff-window-too-large', `a ${what} of ${length} bytes, expected ${limit} at most`);
}
