import { expect, test } from 'vitest';
import { add, copy, noop, run, defaultCodeTable as table } from '../../../delta/vcdiff/code-table.ts';

/** Index, then type, size and mode of each half: the corners of the table in RFC 3284 section 5.6. */
const rows: readonly (readonly [number, readonly number[], readonly number[]])[] = [
  [0, [run, 0, 0], [noop, 0, 0]],
  [1, [add, 0, 0], [noop, 0, 0]],
  [2, [add, 1, 0], [noop, 0, 0]],
  [18, [add, 17, 0], [noop, 0, 0]],
  [19, [copy, 0, 0], [noop, 0, 0]],
  [20, [copy, 4, 0], [noop, 0, 0]],
  [34, [copy, 18, 0], [noop, 0, 0]],
  [35, [copy, 0, 1], [noop, 0, 0]],
  [51, [copy, 0, 2], [noop, 0, 0]],
  [67, [copy, 0, 3], [noop, 0, 0]],
  [83, [copy, 0, 4], [noop, 0, 0]],
  [99, [copy, 0, 5], [noop, 0, 0]],
  [115, [copy, 0, 6], [noop, 0, 0]],
  [131, [copy, 0, 7], [noop, 0, 0]],
  [147, [copy, 0, 8], [noop, 0, 0]],
  [162, [copy, 18, 8], [noop, 0, 0]],
  [163, [add, 1, 0], [copy, 4, 0]],
  [165, [add, 1, 0], [copy, 6, 0]],
  [174, [add, 4, 0], [copy, 6, 0]],
  [175, [add, 1, 0], [copy, 4, 1]],
  [234, [add, 4, 0], [copy, 6, 5]],
  [235, [add, 1, 0], [copy, 4, 6]],
  [238, [add, 4, 0], [copy, 4, 6]],
  [239, [add, 1, 0], [copy, 4, 7]],
  [246, [add, 4, 0], [copy, 4, 8]],
  [247, [copy, 4, 0], [add, 1, 0]],
  [255, [copy, 4, 8], [add, 1, 0]],
];

test.each(rows)('opcode %d is that of the RFC', (code, first, second) => {
  expect([table.firstType[code], table.firstSize[code], table.firstMode[code]]).toEqual(first);
  expect([table.secondType[code], table.secondSize[code], table.secondMode[code]]).toEqual(second);
});

test('the table has 256 opcodes', () => {
  for (const column of Object.values(table)) expect(column).toHaveLength(256);
});
