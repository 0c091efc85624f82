import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { RangeDecoder } from '../../../delta/approximate/range-decoder.ts';
import { memorySource } from '../../../delta/byte-source.ts';
import { encodeApproximate, encodePredicted } from '../../../delta/make/approximate/encode.ts';
import { RangeEncoder } from '../../../delta/make/approximate/range-encoder.ts';
import { edited, numberedBytes } from '../make/approximate/edited-bytes.ts';
import { programBytes } from '../make/approximate/moving-program.ts';

const oldFile = numberedBytes(90_000, 7);
const newFile = edited(oldFile, [
  { at: 0.1, remove: 10, insert: numberedBytes(40, 8) },
  { at: 0.5, remove: 300, insert: numberedBytes(5000, 9) },
  { at: 0.9, remove: 1, insert: numberedBytes(1, 10) },
]);
for (let i = 0; i < newFile.length; i += 97) newFile[i] = (newFile[i] as number) ^ (i & 15);

/** What the first implementation, in TypeScript, wrote: a delta of yesterday must mean the same today. */
test.each([
  ['an edited file', () => encodeApproximate(oldFile, newFile), '6247 f839bc21b56ccdda'],
  ['a prediction', () => encodePredicted(oldFile, newFile), '6249 eb84412f11bf02d4'],
  ['x86 code', () => encodeApproximate(programBytes(400, 0, 0), programBytes(400, 110, 8)), '64 f16f14cc795bc90f'],
  [
    'code of 64-bit ARM',
    () => encodeApproximate(programBytes(400, 0, 0, 'arm64'), programBytes(400, 110, 8, 'arm64')),
    '60 308e41e059e7dd84',
  ],
])('a patch of %s has the bytes that it always had', (_name, encode, expected) => {
  const patch = encode();
  const digest = createHash('sha256').update(patch).digest('hex');
  expect(`${patch.length} ${digest.slice(0, 16)}`).toBe(expected);
});

test('numbers and plain bits come back from their stream', () => {
  const values = [0, 1, 2, 3, 255, 65_536, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 2];
  const encoder = new RangeEncoder();
  const written = encoder.numbers(2);
  for (const value of values) written.code(1, value);
  for (let bits = 0; bits <= 32; bits++) encoder.plainBits(0xdeadbeef, bits);
  const decoder = new RangeDecoder(memorySource(encoder.finish()), 0);
  const read = decoder.numbers(2);
  expect(values.map(() => read.code(1, 0))).toEqual(values);
  for (let bits = 0; bits <= 32; bits++) expect(decoder.plainBits(0, bits)).toBe(0xdeadbeef % 2 ** bits);
  decoder.finish();
});

test('a stream that another one displaced does not go on', () => {
  const first = new RangeEncoder();
  const numbers = first.numbers(1);
  const second = new RangeEncoder();
  expect(() => first.plainBits(1, 1)).toThrow(expect.objectContaining({ code: 'internal' }));
  expect(() => numbers.code(0, 1)).toThrow(expect.objectContaining({ code: 'internal' }));
  expect(() => first.finish()).toThrow(expect.objectContaining({ code: 'internal' }));
  second.plainBits(1, 1);
});
