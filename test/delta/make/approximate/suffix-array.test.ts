import fc from 'fast-check';
import { expect, test } from 'vitest';
import { suffixArray } from '../../../../delta/make/approximate/suffix-array.ts';
import { leastMatch, SuffixSearch } from '../../../../delta/make/approximate/suffix-search.ts';

/** Few distinct symbols, so that suffixes share long beginnings. */
const repetitive = fc.oneof(
  fc.uint8Array({ maxLength: 300, max: 2 }),
  fc.uint8Array({ maxLength: 300, max: 5 }),
  fc.uint8Array({ maxLength: 300 }),
  fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 9 }), fc.integer({ min: 1, max: 40 })).map(([unit, times]) => {
    const text = new Uint8Array(unit.length * times);
    for (let i = 0; i < times; i++) text.set(unit, i * unit.length);
    return text;
  }),
);

test('sorts the suffixes of any text as comparing them does', () => {
  fc.assert(
    fc.property(repetitive, (text) => {
      const expected = [...text.keys()].sort((a, b) => Buffer.compare(text.subarray(a), text.subarray(b)));
      expect([...suffixArray(text)]).toEqual(expected);
    }),
    { numRuns: 500 },
  );
});

test('finds a longest match of any pattern, where it has the least length', () => {
  fc.assert(
    fc.property(repetitive, repetitive, (text, pattern) => {
      const search = new SuffixSearch(text, suffixArray(text));
      for (let start = 0; start < pattern.length; start++) {
        const found = search.find(pattern, start);
        const longest = Math.max(0, ...[...text.keys()].map((at) => commonLength(text, at, pattern, start)));
        expect(found).toBe(longest < leastMatch ? 0 : longest);
        if (found > 0) expect(commonLength(text, search.position, pattern, start)).toBe(found);
      }
    }),
    { numRuns: 100 },
  );
});

function commonLength(a: Uint8Array, aStart: number, b: Uint8Array, bStart: number): number {
  let length = 0;
  while (aStart + length < a.length && bStart + length < b.length && a[aStart + length] === b[bStart + length])
    length++;
  return length;
}
