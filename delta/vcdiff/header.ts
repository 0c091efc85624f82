/**
 * Reads the header of a delta (RFC 3284 section 4.1), which says which features it uses. It refuses those that would
 * need memory or code that the device does not have, and skips the application header, which carries file names only.
 */
import { SlipwayError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import { Cursor } from './cursor.ts';
import type { DeltaStream } from './delta-stream.ts';

/** `VCD` with the high bits set, and version 0. */
const magic = [0xd6, 0xc3, 0xc4, 0x00];
const secondaryCompressor = 0x01;
const codeTable = 0x02;
/** Not in the RFC: xdelta3 and open-vcdiff put names there. */
const applicationHeader = 0x04;
/** Magic, indicator and the length of the application header. */
const longestHeaderBytes = magic.length + 1 + 10;

/**
 * Consumes the header.
 * @throws SlipwayError `vcdiff-malformed`, `vcdiff-truncated`, `vcdiff-secondary-compression`,
 *   `vcdiff-custom-code-table`
 */
export async function readHeader(delta: DeltaStream): Promise<void> {
  const cursor = new Cursor(await delta.peek(longestHeaderBytes), 'header', 'vcdiff-truncated');
  for (const expected of magic) {
    const found = cursor.byte();
    if (found !== expected) {
      throw new SlipwayError('vcdiff-malformed', `expected the magic bytes d6c3c400 of VCDIFF, found byte ${found}`);
    }
  }
  const indicator = cursor.byte();
  if (indicator & secondaryCompressor) {
    throw new SlipwayError('vcdiff-secondary-compression', 'the delta uses a secondary compressor', {
      hint: 'Encode it with `xdelta3 -S none`.',
    });
  }
  if (indicator & codeTable) {
    throw new SlipwayError('vcdiff-custom-code-table', 'the delta brings its own code table');
  }
  if (indicator & ~applicationHeader) {
    throw new SlipwayError('vcdiff-malformed', `unknown bits in the header indicator ${indicator}`);
  }
  const skipped = indicator & applicationHeader ? cursor.varint() : 0;
  if (skipped > limits.maxVcdiffApplicationHeaderBytes) {
    throw new SlipwayError(
      'vcdiff-malformed',
      `an application header of ${skipped} bytes, expected ${limits.maxVcdiffApplicationHeaderBytes} at most`,
    );
  }
  delta.consume(cursor.position);
  await delta.skip(skipped, 'application header');
}
