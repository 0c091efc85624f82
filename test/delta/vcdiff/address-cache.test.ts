import { expect, test } from 'vitest';
import { AddressCache } from '../../../delta/vcdiff/address-cache.ts';
import { Cursor } from '../../../delta/vcdiff/cursor.ts';
import { varint } from './delta-writer.ts';

const addresses = (...bytes: number[]) => new Cursor(Uint8Array.from(bytes), 'address section', 'vcdiff-malformed');

test('reads an address as it is (self) and as a distance back (here)', () => {
  const cache = new AddressCache();
  expect(cache.decode(0, 5000, addresses(...varint(4000)))).toBe(4000);
  expect(cache.decode(1, 5000, addresses(...varint(300)))).toBe(4700);
});

test('near modes add to one of the last four addresses, the oldest overwritten first', () => {
  const cache = new AddressCache();
  for (const address of [1000, 2000, 3000, 4000, 5000]) cache.decode(0, 9000, addresses(...varint(address)));
  expect(cache.decode(5, 9000, addresses(7))).toBe(4007);
  expect(cache.decode(4, 9000, addresses(7))).toBe(3007);
  // By now 4007 and 3007 have taken the places of 2000 and 3000.
  expect(cache.decode(3, 9000, addresses(7))).toBe(4014);
  expect(cache.decode(2, 9000, addresses(7))).toBe(5007);
});

test('same modes give a whole address for one byte', () => {
  const cache = new AddressCache();
  for (const address of [768 + 5, 768 + 256 + 6, 768 + 512 + 255]) cache.decode(0, 9000, addresses(...varint(address)));
  expect(cache.decode(6, 9000, addresses(5))).toBe(773);
  expect(cache.decode(7, 9000, addresses(6))).toBe(1030);
  expect(cache.decode(8, 9000, addresses(255))).toBe(1535);
});

test('forgets everything at a new window', () => {
  const cache = new AddressCache();
  for (const address of [1000, 2000]) cache.decode(0, 9000, addresses(...varint(address)));
  cache.reset();
  expect(cache.decode(2, 9000, addresses(3))).toBe(3);
  expect(cache.decode(6, 9000, addresses((1000 % 768) & 255))).toBe(0);
});

test('keeps addresses beyond 32 bits whole', () => {
  const cache = new AddressCache();
  const far = 2 ** 40 + 17;
  cache.decode(0, 2 ** 41, addresses(...varint(far)));
  expect(cache.decode(2, 2 ** 41, addresses(1))).toBe(far + 1);
});

test.each([
  ['self at the end of what exists', 0, 100, varint(100)],
  ['here with distance zero', 1, 100, varint(0)],
  ['here before the beginning', 1, 100, varint(101)],
  ['near beyond the end', 2, 100, varint(5000)],
  ['same before there is any byte', 6, 0, [0]],
])('refuses %s', (_name, mode, here, bytes) => {
  const decode = () => new AddressCache().decode(mode, here, addresses(...bytes));
  expect(decode).toThrow(expect.objectContaining({ code: 'vcdiff-out-of-bounds' }));
});
