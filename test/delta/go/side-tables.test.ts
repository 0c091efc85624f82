import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SlipwayError } from '../../../contract/errors.ts';
import { memorySource } from '../../../delta/byte-source.ts';
import { buildGoPrediction, predictionLimit, readSideTables } from '../../../delta/go/build-prediction.ts';
import { buildFindTable } from '../../../delta/go/find-table.ts';
import { GoModule } from '../../../delta/go/go-module.ts';
import { sideTablesVersion } from '../../../delta/go/side-tables.ts';
import { analyseGoPair } from '../../../delta/make/go/analyse-pair.ts';
import { tinyGoProgram } from './tiny-go-program.ts';

const functions = Array.from({ length: 40 }, (_, i) => ({ name: `main.f${i}`, padding: i, calls: `main.f${39 - i}` }));
const old = tinyGoProgram({ functions });
const new_ = tinyGoProgram({
  functions: [...functions.slice(10), ...functions.slice(0, 8).map((f) => ({ ...f, padding: f.padding + 20 }))].map(
    (f) => ({ ...f, calls: 'main.f20' }),
  ),
  extraData: 2,
});
const result = analyseGoPair(old, new_);
if ('notGo' in result) throw new Error(result.notGo);
const { sideTables } = result;

/** Builds the prediction as a device would, counting what is read and written. */
function build(tables: Uint8Array, base = old): { error?: SlipwayError; written: number } {
  let written = 0;
  const source = {
    length: base.length,
    readInto(target: Uint8Array, offset: number) {
      if (offset < 0 || offset + target.length > base.length) throw new Error(`read outside the old file at ${offset}`);
      memorySource(base).readInto(target, offset);
    },
  };
  try {
    buildGoPrediction(source, tables, { write: (chunk) => (written += chunk.length) });
  } catch (error) {
    if (error instanceof SlipwayError) return { error, written };
    throw error;
  }
  return { written };
}

function expectRefusedOrBounded(tables: Uint8Array, base = old): void {
  const { error, written } = build(tables, base);
  expect(written).toBeLessThanOrEqual(predictionLimit(base.length));
  if (error !== undefined) expect(['delta-malformed', 'delta-truncated']).toContain(error.code);
}

describe('side tables', () => {
  it('come back as they were written', () => {
    const tables = readSideTables(sideTables, old.length);
    expect(tables.geometry.oldFunctions).toBe(40);
    expect([...tables.layout.matches]).toEqual([
      ...Array.from({ length: 30 }, (_, i) => i + 10),
      0,
      1,
      2,
      3,
      4,
      5,
      6,
      7,
    ]);
    expect(build(sideTables).error).toBeUndefined();
  });

  it('mean the prediction that they always did: a delta of yesterday is none for tomorrow otherwise', () => {
    const hash = createHash('sha256');
    buildGoPrediction(memorySource(old), sideTables, { write: (chunk) => hash.update(chunk) });
    // By the first implementation, in TypeScript.
    expect(hash.digest('hex').slice(0, 16)).toBe('d2139ba4eb810af0');
  });

  it('of another version are refused', () => {
    const other = sideTables.slice();
    other[0] = sideTablesVersion + 1;
    expect(build(other).error?.code).toBe('delta-malformed');
    expect(build(new Uint8Array(0)).error?.code).toBe('delta-malformed');
  });

  it('cut anywhere are refused', () => {
    for (let length = 1; length < sideTables.length; length++) {
      expect(build(sideTables.slice(0, length)).error?.code).toMatch(/^delta-(malformed|truncated)$/);
    }
  });

  it('with bytes behind them are refused', () => {
    expect(build(Uint8Array.from([...sideTables, 0])).error?.code).toBe('delta-malformed');
  });

  it('with any bit flipped are refused or build something bounded, and read only the old file', () => {
    for (let at = 0; at < sideTables.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const flipped = sideTables.slice();
        flipped[at] = (flipped[at] as number) ^ (1 << bit);
        expectRefusedOrBounded(flipped);
      }
    }
  });

  it('made of noise are refused or build something bounded', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (noise) =>
        expectRefusedOrBounded(Uint8Array.from([sideTablesVersion, ...noise])),
      ),
      { numRuns: 300 },
    );
  });

  it('for another old file are refused or build something bounded', () => {
    expectRefusedOrBounded(sideTables, old.slice(0, 0x1800));
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(old.length - 1), fc.nat(255)), { maxLength: 50 }), (edits) => {
        const other = old.slice();
        for (const [at, byte] of edits) other[at] = byte;
        expectRefusedOrBounded(sideTables, other);
      }),
      { numRuns: 200 },
    );
  });
});

describe('tables of sorted numbers', () => {
  const sorted = fc.array(fc.nat(0xffffffff), { maxLength: 60 }).map((values) => Uint32Array.from(values).sort());

  it('find the last number that is not above the wanted one', () => {
    fc.assert(
      fc.property(sorted, fc.array(fc.nat(0xffffffff)), (values, wanted) => {
        const module = new GoModule({});
        const index = module.exports.createIndex(module.put(values), values.length);
        for (const number of [...wanted, ...values])
          expect(module.exports.lastNotAbove(index, number)).toBe(values.findLastIndex((v) => v <= number));
      }),
    );
  });

  it('shift from a run on, and nothing below the first', () => {
    const module = new GoModule({});
    const table = module.putShifts({ starts: Uint32Array.of(10, 20), shifts: Int32Array.of(5, -3) });
    const shifted = [9, 10, 19, 20, 4_000_000_000].map((value) => module.exports.shifted(table, value) >>> 0);
    expect(shifted).toEqual([9, 15, 24, 17, 3_999_999_997]);
    expect(module.exports.shiftSince(table, 11, 15)).toBe(0);
  });
});

describe('runtime.findfunctab', () => {
  it('names for each 256 bytes the lowest function in them', () => {
    const table = buildFindTable(Uint32Array.of(0, 16, 300, 5000));
    expect(table.length).toBe(8 + 20);
    expect([...table.subarray(0, 7)]).toEqual([0, 0, 0, 0, 0, 1, 2]);
    expect([...table.subarray(20, 25)]).toEqual([2, 0, 0, 0, 0]);
  });

  it('is empty without code', () => {
    expect(buildFindTable(Uint32Array.of(0, 0))).toHaveLength(0);
  });
});
