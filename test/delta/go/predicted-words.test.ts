/** What a prediction makes of the words of types and symbols, from tables that are told what moved. */
import { describe, expect, it } from 'vitest';
import { memorySource } from '../../../delta/byte-source.ts';
import { buildGoPrediction, readSideTables } from '../../../delta/go/build-prediction.ts';
import type { RegionKind } from '../../../delta/go/regions.ts';
import { analyseGoPair, writeSideTables } from '../../../delta/make/go/analyse-pair.ts';
import { tinyGoProgram } from './tiny-go-program.ts';

const functions = Array.from({ length: 8 }, (_, i) => ({ name: `main.f${i}`, padding: 20, calls: 'main.f7' }));
const program = tinyGoProgram({ functions });
// The others move to the front: 48 bytes each.
const result = analyseGoPair(program, tinyGoProgram({ functions: [...functions.slice(1), ...functions.slice(0, 1)] }));
if ('notGo' in result) throw new Error(result.notGo);
const tables = readSideTables(result.sideTables, program.length);
const text = 0x401000;
const entry = (i: number) => 48 * i;
const { oldTypes, newTypes } = tables.geometry;

const noRuns = { starts: new Uint32Array(0), shifts: new Int32Array(0) };
const runs = (...pairs: [number, number][]) => ({
  starts: Uint32Array.from(pairs, ([start]) => start),
  shifts: Int32Array.from(pairs, ([, shift]) => shift),
});

/** What becomes of words of a region of that kind: types below 0x700000 move by 8, others by 0x40, strings by 3. */
function predicted(kind: RegionKind, words: readonly number[]): number[] {
  const old = new Uint8Array(program.length + 4 * words.length);
  old.set(program);
  const view = new DataView(old.buffer);
  for (const [i, word] of words.entries()) view.setUint32(program.length + 4 * i, word, true);
  const region = { kind, offset: program.length, length: 4 * words.length, address: 0x480000 };
  const strings = runs([0, 0], [100, 3]);
  const sideTables = writeSideTables(
    {
      ...tables,
      geometry: { ...tables.geometry, lowestAddress: 0x400000, addressEnd: 0x900000 },
      regions: [...tables.regions, region],
      shifts: [runs([oldTypes, 8], [0x700000, 0x40]), noRuns, noRuns, noRuns, noRuns, strings, strings, strings],
    },
    old.length,
  );
  const chunks: Uint8Array[] = [];
  buildGoPrediction(memorySource(old), sideTables, { write: (chunk) => chunks.push(chunk.slice()) });
  const made = Buffer.concat(chunks).subarray(-4 * words.length);
  return words.map((_, i) => made.readUInt32LE(4 * i));
}

describe('words of type descriptors', () => {
  it.each([
    ['a pointer to a function', [text + entry(2), 0], [text + entry(1), 0]],
    ['a pointer to a type', [oldTypes + 64, 0], [oldTypes + 72, 0]],
    [
      'an offset that would be inside a function were it an address',
      [text + entry(2) + 4, 0],
      [text + entry(2) + 0x44, 0],
    ],
    ['the two entries of a method', [entry(3), entry(5)], [entry(2), entry(4)]],
    ['the entry of a method that is called in one way only', [0xffffffff, entry(4)], [0xffffffff, entry(3)]],
    ['and in the other', [entry(4), 0xffffffff], [entry(3), 0xffffffff]],
    ['a name and a type at whose offset there is a function too', [0x123, entry(4)], [0x12b, entry(4) + 8]],
    ['a small number beside a 0, not the function that begins there', [entry(4), 0], [entry(4) + 8, 0]],
    ['nothing', [0, 0], [0, 0]],
    ['no offset', [0xfffffff0, 0x7fffffff], [0xfffffff0, 0x7fffffff]],
  ])('are rewritten as %s', (_, words, expected) => {
    expect(newTypes).toBe(oldTypes);
    expect(predicted('types', words)).toEqual(expected);
  });
});

describe('symbols', () => {
  it.each(['symbols', 'dynamicSymbols'] as const)('of the kind %s move with their names and addresses', (kind) => {
    const symbol = [120, 0xf0012, text + entry(3), 0, 77, 0];
    const unnamed = [99, 0x110011, oldTypes + 16, 0, 8, 0];
    expect(predicted(kind, [...symbol, ...unnamed])).toEqual([
      ...[123, 0xf0012, text + entry(2), 0, 77, 0],
      ...[99, 0x110011, oldTypes + 24, 0, 8, 0],
    ]);
  });
});
