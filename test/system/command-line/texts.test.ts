import { expect, it } from 'vitest';
import { fieldLines } from '../../../system/command-line/fields.ts';
import { sizeText } from '../../../system/command-line/size.ts';
import { tableText } from '../../../system/command-line/table.ts';
import { lengthText, timeText } from '../../../system/command-line/times.ts';

it('aligns names and values, leaves out what is unknown, and lets nothing draw on a terminal', () => {
  expect(
    fieldLines([
      ['id', 'a'],
      ['owner', undefined],
      ['message', 'no\u001b[31m\nflux'],
    ]),
  ).toEqual(['id       a', 'message  no [31m flux']);
  expect(fieldLines([])).toEqual([]);
});

it.each([
  [0, '0 B'],
  [999, '999 B'],
  [1000, '1.00 kB'],
  [70_123_456, '70.1 MB'],
  [999_499, '999 kB'],
  [999_500, '1.00 MB'],
  [5e15, '5.00 PB'],
])('writes %i bytes as %s', (bytes, text) => {
  expect(sizeText(bytes)).toBe(text);
});

it('sets a table by its widest cells', () => {
  expect(
    tableText(
      ['ID', 'NAME'],
      [
        ['long-one', 'a'],
        ['b', ''],
      ],
    ),
  ).toBe('ID        NAME\nlong-one  a\nb');
});

it('writes times in UTC and how far away they are', () => {
  const now = Date.parse('2026-11-26T16:00:05Z');
  expect(timeText('2026-11-26T13:00:05.123Z', now)).toBe('2026-11-26 13:00:05Z (3 h ago)');
  expect(lengthText(2 * 86_400 + 4 * 3600 + 60)).toBe('2 d 4 h');
});
