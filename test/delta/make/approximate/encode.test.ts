import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeApproximate } from '../../../../delta/approximate/decode.ts';
import { memorySource } from '../../../../delta/byte-source.ts';
import { encodeApproximate, encodeApproximateWithin } from '../../../../delta/make/approximate/encode.ts';
import { imageBase } from '../../../../delta/make/approximate/image-base.ts';
import { coarsen } from '../../../../delta/make/approximate/match.ts';
import { type Edit, edited, edits, mixedBytes, numberedBytes } from './edited-bytes.ts';
import { programBytes } from './moving-program.ts';

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

test.each(['x86', 'arm64'] as const)('rebuilds a program for %s in which functions moved', (machine) => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 120 }), fc.nat(), fc.integer({ min: 1, max: 64 }), (functions, where, by) => {
      const oldFile = programBytes(functions, -1, 0, machine);
      const newFile = programBytes(functions, where % functions, by, machine);
      expect(decode(oldFile, encodeApproximate(oldFile, newFile)).equals(newFile)).toBe(true);
    }),
    { numRuns: 100 },
  );
});

test.each([
  'x86',
  'arm64',
] as const)('predicts calls and pointers for %s: 3,000 moved functions cost less than a byte each', (machine) => {
  const oldFile = programBytes(3000, -1, 0, machine);
  const newFile = programBytes(3000, 1200, 16, machine);
  expect(encodeApproximate(oldFile, newFile).length).toBeLessThan(3000);
});

test('reads the address of an ELF file and takes anything else for a file without one', () => {
  const program = programBytes(3);
  expect(imageBase(program)).toBe(0x400000);
  expect(imageBase(program.subarray(0, 100))).toBe(0);
  expect(imageBase(numberedBytes(1000, 6))).toBe(0);
});

test('gives up the shortest steps first when there are too many, and covers the same bytes', () => {
  const steps = Int32Array.from({ length: 300 }, (_, i) => (i % 3 === 0 ? (i % 2 === 0 ? 5 : -3) : (i * 37) % 90));
  const fewer = coarsen(steps, 40);
  expect(fewer.length).toBeLessThanOrEqual(40 * 3);
  const made = (list: Int32Array) => list.reduce((sum, value, i) => sum + (i % 3 === 0 ? 0 : value), 0);
  expect(made(fewer)).toBe(made(steps));
  const starts = (list: Int32Array) => {
    const found = new Map<number, number>();
    let oldAt = 0;
    let newAt = 0;
    for (let i = 0; i < list.length; i += 3) {
      oldAt += list[i] as number;
      found.set(newAt, oldAt);
      oldAt += list[i + 1] as number;
      newAt += (list[i + 1] as number) + (list[i + 2] as number);
    }
    return found;
  };
  const before = starts(steps);
  for (const [newAt, oldAt] of starts(fewer)) expect(before.get(newAt)).toBe(oldAt);
});

test('gives up when more of the new file is new than allowed', () => {
  const oldFile = numberedBytes(5000, 11);
  const newFile = edited(oldFile, [{ at: 0.5, remove: 0, insert: numberedBytes(1000, 12) }]);
  expect(encodeApproximateWithin(oldFile, newFile, 900)).toBeUndefined();
  expect(encodeApproximateWithin(oldFile, newFile, 1100)).toEqual(encodeApproximate(oldFile, newFile));
});
