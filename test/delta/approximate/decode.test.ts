import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SlipwayError } from '../../../contract/errors.ts';
import { limits } from '../../../contract/limits.ts';
import { approximateNewLength, decodeApproximate } from '../../../delta/approximate/decode.ts';
import type { ByteSource } from '../../../delta/byte-source.ts';
import { encodeApproximate } from '../../../delta/make/approximate/encode.ts';
import { edited, numberedBytes } from '../make/approximate/edited-bytes.ts';
import { programBytes } from '../make/approximate/moving-program.ts';

const oldFile = numberedBytes(3000, 7);
const newFile = edited(oldFile, [
  { at: 0.1, remove: 10, insert: numberedBytes(40, 8) },
  { at: 0.5, remove: 300, insert: numberedBytes(5, 9) },
  { at: 0.9, remove: 1, insert: numberedBytes(1, 10) },
]);
const patch = encodeApproximate(oldFile, newFile);

/** A source that fails the test when anything outside it is asked for. */
function guardedSource(bytes: Uint8Array): ByteSource {
  return {
    length: bytes.length,
    readInto(target, offset) {
      expect(offset).toBeGreaterThanOrEqual(0);
      expect(offset + target.length).toBeLessThanOrEqual(bytes.length);
      target.set(bytes.subarray(offset, offset + target.length));
    },
  };
}

/** Decodes to nothing; returns the bytes written, or the code of the refusal and the bytes written by then. */
function attempt(source: ByteSource, bytes: Uint8Array): { written: number; code: string | undefined } {
  let written = 0;
  try {
    decodeApproximate(source, guardedSource(bytes), {
      write(chunk) {
        written += chunk.length;
      },
    });
  } catch (error) {
    if (!(error instanceof SlipwayError)) throw error;
    return { written, code: error.code };
  }
  return { written, code: undefined };
}

test('refuses a patch that is cut at any byte', () => {
  for (let length = 0; length < patch.length; length++) {
    expect(attempt(guardedSource(oldFile), patch.subarray(0, length)).code, `cut at ${length}`).toMatch(
      /^delta-(truncated|malformed)$/,
    );
  }
});

test('refuses bytes behind the end', () => {
  const longer = new Uint8Array(patch.length + 1);
  longer.set(patch);
  expect(attempt(guardedSource(oldFile), longer).code).toBe('delta-malformed');
});

const oldProgram = programBytes(40);
const programPatch = encodeApproximate(oldProgram, programBytes(40, 11, 7));

test.each([
  { name: 'of an edited file', base: oldFile, whole: patch, longest: newFile.length },
  { name: 'of a program that moved', base: oldProgram, whole: programPatch, longest: oldProgram.length + 16 },
])('never leaves the old file and never writes more than announced, whichever bit of the patch $name is flipped', ({
  base,
  whole,
  longest,
}) => {
  // A flip in the announced length, bytes 1 to 4, is a larger claim; whoever knows the part's length refuses it.
  for (let bit = 5 * 8; bit < whole.length * 8; bit++) {
    const flipped = whole.slice();
    flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
    const { written, code } = attempt(guardedSource(base), flipped);
    expect(written).toBeLessThanOrEqual(longest);
    if (code !== undefined) expect(code).toMatch(/^delta-(truncated|malformed|out-of-bounds)$/);
  }
});

test('refuses or ends on any bytes at all', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 4, maxLength: 300 }), fc.integer({ min: 0, max: 5000 }), (body, length) => {
      const forged = new Uint8Array([1, length & 0xff, length >> 8, 0, 0, ...body]);
      const { written } = attempt(guardedSource(oldFile), forged);
      expect(written).toBeLessThanOrEqual(length);
    }),
    { numRuns: 500 },
  );
});

test('refuses positions past the end of a shorter old file', () => {
  expect(attempt(guardedSource(oldFile.subarray(0, 1500)), patch).code).toBe('delta-out-of-bounds');
});

test('refuses an unknown version and a length beyond the limit before it decodes', () => {
  const unknown = patch.slice();
  unknown[0] = 9;
  expect(attempt(guardedSource(oldFile), unknown)).toEqual({ written: 0, code: 'delta-version-unknown' });
  const huge = patch.slice();
  new DataView(huge.buffer).setUint32(1, limits.maxApproximateBytes + 1, true);
  expect(attempt(guardedSource(oldFile), huge)).toEqual({ written: 0, code: 'delta-malformed' });
});

test('tells the length of the new file without decoding', () => {
  expect(approximateNewLength(patch)).toBe(newFile.length);
});
