import { expect, test } from 'vitest';
import { Cursor } from '../../../delta/vcdiff/cursor.ts';
import { varint } from './delta-writer.ts';

const read = (...bytes: number[]) => new Cursor(Uint8Array.from(bytes), 'header', 'vcdiff-truncated').varint();

test('reads the integer of RFC 3284 section 2', () => {
  expect(read(0xba, 0xef, 0x9a, 0x15)).toBe(123456789);
});

test.each([
  0,
  1,
  127,
  128,
  16383,
  16384,
  2 ** 31,
  2 ** 32 + 5,
  2 ** 46 - 1,
  Number.MAX_SAFE_INTEGER,
])('reads %d back', (value) => {
  expect(read(...varint(value))).toBe(value);
});

test('accepts leading zeros of an encoder that pads', () => {
  expect(read(0x80, 0x80, 0x80, 0x80, 0x07)).toBe(7);
});

test.each([
  ['2^53', varint(2 ** 53)],
  ['ten groups of ones', [...new Array<number>(9).fill(0xff), 0x7f]],
  ['zeros without end', new Array<number>(64).fill(0x80)],
])('refuses an integer that overflows: %s', (_name, bytes) => {
  expect(() => read(...bytes)).toThrow(expect.objectContaining({ code: 'vcdiff-malformed' }));
});

test.each([[[]], [[0x80]], [[0xff, 0xff]]])('ends with its own code in the middle of an integer: %j', (bytes) => {
  for (const code of ['vcdiff-truncated', 'vcdiff-malformed'] as const) {
    const cursor = new Cursor(Uint8Array.from(bytes), 'header', code);
    expect(() => cursor.varint()).toThrow(expect.objectContaining({ code }));
  }
});

test('reads four bytes as an unsigned number', () => {
  const cursor = new Cursor(Uint8Array.from([0xff, 0xfe, 0xfd, 0xfc]), 'header', 'vcdiff-truncated');
  expect(cursor.uint32()).toBe(0xfffefdfc);
});

test('moves no byte when fewer are there than asked for', () => {
  const target = new Uint8Array(100);
  for (const length of [4, 50]) {
    const cursor = new Cursor(Uint8Array.from([1, 2, 3]), 'data section', 'vcdiff-malformed');
    expect(() => cursor.moveInto(target, 0, length)).toThrow(expect.objectContaining({ code: 'vcdiff-malformed' }));
    expect(cursor.remaining).toBe(3);
  }
  expect(target.every((byte) => byte === 0)).toBe(true);
});
