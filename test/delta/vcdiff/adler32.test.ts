import { deflateSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { adler32 } from '../../../delta/vcdiff/adler32.ts';

test.each([0, 1, 5551, 5552, 5553, 100_000])('equals the trailer of a zlib stream of %d bytes', (length) => {
  for (const bytes of [Buffer.alloc(length, 0xff), Buffer.from(Array.from({ length }, (_, i) => (i * 31) & 255))]) {
    expect(adler32(bytes)).toBe(deflateSync(bytes).readUInt32BE(deflateSync(bytes).length - 4));
  }
});
