import { expect, test } from 'vitest';
import { codeTableBits, mostTableBits, tableBitsFor } from '../../../delta/approximate/table-bits.ts';

const coderOf = (value: number) => ({ plainBits: () => value, numbers: () => ({ code: () => 0 }) });

test('tables have the size that the patch says, up to the largest', () => {
  expect(codeTableBits(coderOf(0), 0)).toBe(10);
  expect(codeTableBits(coderOf(8), 0)).toBe(mostTableBits);
  expect(() => codeTableBits(coderOf(9), 0)).toThrow(expect.objectContaining({ code: 'delta-malformed' }));
});

test('tables of small files are small', () => {
  expect([0, 1, 300, 10 ** 6, 10 ** 9].map((length) => tableBitsFor(length))).toEqual([10, 10, 10, 18, 18]);
  expect(tableBitsFor(10 ** 9, 16)).toBe(16);
});
