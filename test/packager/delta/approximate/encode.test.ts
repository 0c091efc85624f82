import fc from 'fast-check';
import { expect, test } from 'vitest';
import { memorySource } from '../../../../contract/byte-source.ts';
import { decodeApproximate } from '../../../../contract/delta/approximate/decode.ts';
import { encodeApproximate } from '../../../../packager/delta/approximate/encode.ts';
import { type Edit, edited, edits, mixedBytes, numberedBytes } from './edited-bytes.ts';

function decode(oldFile: Uint8Array, patch: Uint8Array): Buffer {
  const chunks: Buffer[] = [];
  const length = decodeApproximate(memorySource(oldFile), patch, { write: (chunk) => chunks.push(Buffer.from(chunk)) });
  const whole = Buffer.concat(chunks);
  expect(whole.length).toBe(length);
  return whole;
}

test('rebuilds any file from any other', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), fc.uint8Array({ maxLength: 400 }), (oldFile, newFile) => {
      expect(decode(oldFile, encodeApproximate(oldFile, newFile)).equals(newFile)).toBe(true);
    }),
    { numRuns: 300 },
  );
});

test('rebuilds a file after any sequence of edits', () => {
  fc.assert(
    fc.property(mixedBytes(4000), edits(20), (oldFile: Uint8Array, changes: Edit[]) => {
      const newFile = edited(oldFile, changes);
      expect(decode(oldFile, encodeApproximate(oldFile, newFile)).equals(newFile)).toBe(true);
    }),
    { numRuns: 200 },
  );
});

test('rebuilds files that are longer than the buffers of the decoder', () => {
  const oldFile = numberedBytes(700_000, 1);
  const newFile = numberedBytes(700_000, 1);
  newFile.copyWithin(100_000, 99_000, 400_000);
  for (let i = 0; i < newFile.length; i += 997) newFile[i] = (newFile[i] as number) ^ 0x5a;
  newFile.set(numberedBytes(150_000, 2), 500_000);
  expect(decode(oldFile, encodeApproximate(oldFile, newFile)).equals(newFile)).toBe(true);
});

test('spends next to nothing on a file that did not change', () => {
  const file = numberedBytes(200_000, 3);
  expect(encodeApproximate(file, file).length).toBeLessThan(64);
});

test('writes the same patch for the same files', () => {
  const oldFile = numberedBytes(20_000, 4);
  const newFile = edited(oldFile, [{ at: 0.3, remove: 100, insert: numberedBytes(50, 5) }]);
  expect(encodeApproximate(oldFile, newFile)).toEqual(encodeApproximate(oldFile, newFile));
});
