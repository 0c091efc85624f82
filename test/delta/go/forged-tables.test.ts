import { describe, expect, it } from 'vitest';
import { SlipwayError } from '../../../contract/errors.ts';
import { memorySource } from '../../../delta/byte-source.ts';
import { buildGoPrediction, predictionLimit, readSideTables } from '../../../delta/go/build-prediction.ts';
import { GoModule } from '../../../delta/go/go-module.ts';
import { maxShiftRuns } from '../../../delta/go/shift-table.ts';
import type { SideTables } from '../../../delta/go/side-tables.ts';
import { analyseGoPair, writeSideTables } from '../../../delta/make/go/analyse-pair.ts';
import { tinyGoProgram } from './tiny-go-program.ts';

const old = tinyGoProgram({
  functions: Array.from({ length: 40 }, (_, i) => ({
    name: `main.f${i}`,
    padding: i === 39 ? 4000 : i,
    calls: 'main.f3',
  })),
});
const result = analyseGoPair(old, old);
if ('notGo' in result) throw new Error(result.notGo);
const honest = readSideTables(result.sideTables, old.length);

/** How building ends with these tables, and how much was written before. */
function outcome(tables: SideTables, base = old): { code: string; written: number } {
  let written = 0;
  try {
    const bytes = writeSideTables(tables, base.length);
    buildGoPrediction(memorySource(base), bytes, { write: (chunk) => (written += chunk.length) });
    return { code: 'none', written };
  } catch (error) {
    if (error instanceof SlipwayError) return { code: error.code, written };
    throw error;
  }
}

function relaid(matches: Int32Array, sizeChange: (match: number) => number): SideTables {
  const zeros = new Int32Array(matches.length);
  return {
    ...honest,
    layout: { matches, sizeChanges: matches.map(sizeChange), pcDataChanges: zeros, functionDataChanges: zeros },
  };
}

describe('forged side tables', () => {
  it('that use one function again and again are stopped at the limit', () => {
    const { code, written } = outcome(relaid(new Int32Array(60000).fill(39), () => -4015));
    expect(code).toBe('delta-malformed');
    expect(written).toBeLessThanOrEqual(predictionLimit(old.length));
  });

  it('with more functions than the old file can have led to are refused', () => {
    const tables = relaid(new Int32Array(70000).fill(-1), () => 1);
    expect(() => readSideTables(writeSideTables(tables, old.length), old.length)).toThrowError(
      expect.objectContaining({ code: 'delta-malformed' }),
    );
  });

  it('with functions of impossible lengths are refused before anything is written', () => {
    for (const change of [-100_000, 0x7ffffff0]) {
      expect(outcome(relaid(Int32Array.of(0, 1), () => change))).toEqual({ code: 'delta-malformed', written: 0 });
    }
  });

  it('that match a function which is not there are refused', () => {
    expect(outcome(relaid(Int32Array.of(40), () => 0)).code).toBe('delta-malformed');
  });

  it('with a region behind the end of the old file are refused before the old file is read', () => {
    const regions = honest.regions.map((region, i) =>
      i === honest.regions.length - 1 ? { ...region, length: old.length } : region,
    );
    const bytes = writeSideTables({ ...honest, regions }, old.length);
    const unread = { length: old.length, readInto: () => expect.unreachable() };
    expect(() => buildGoPrediction(unread, bytes, { write: () => expect.unreachable() })).toThrowError(
      expect.objectContaining({ code: 'delta-malformed' }),
    );
  });

  it('with a second or without a first table of functions are refused', () => {
    const extra = { kind: 'functionTable', offset: old.length - 100, length: 50, address: 0 } as const;
    expect(outcome({ ...honest, regions: [...honest.regions, extra] }).code).toBe('delta-malformed');
    const without = honest.regions.filter((region) => region.kind !== 'functionTable');
    expect(outcome({ ...honest, regions: without }).code).toBe('delta-malformed');
  });

  it('with an edit behind the end of its function are refused', () => {
    const edits = { functions: Uint32Array.of(3), offsets: Uint32Array.of(5000), shifts: Int32Array.of(4) };
    expect(outcome({ ...honest, edits }).code).toBe('delta-malformed');
  });

  it('with too many shifts are refused', () => {
    const many = {
      starts: Uint32Array.from({ length: maxShiftRuns + 1 }, (_, i) => i),
      shifts: new Int32Array(maxShiftRuns + 1),
    };
    expect(outcome({ ...honest, shifts: [many] }).code).toBe('delta-malformed');
  });

  it('that claim a larger table than the old file has room for are refused', () => {
    expect(outcome({ ...honest, geometry: { ...honest.geometry, oldFunctions: 4000 } }).code).toBe('delta-malformed');
    expect(outcome({ ...honest, geometry: { ...honest.geometry, oldFunctions: 0 } }).code).toBe('delta-malformed');
  });

  it('for a machine nobody knows are refused', () => {
    expect(outcome({ ...honest, geometry: { ...honest.geometry, architecture: 2 } }).code).toBe('delta-malformed');
  });
});

describe('an old file that does not fit its side tables', () => {
  it('is refused when a row claims arrays behind the table', () => {
    const table = honest.regions.find((region) => region.kind === 'functionTable');
    if (table === undefined) throw new Error('no table');
    const damaged = old.slice();
    const view = new DataView(damaged.buffer);
    view.setUint32(table.offset + view.getUint32(table.offset + 4, true) + 28, 200_000, true);
    expect(outcome(honest, damaged).code).toBe('delta-malformed');
  });

  it('is refused when functions are out of order', () => {
    const table = honest.regions.find((region) => region.kind === 'functionTable');
    if (table === undefined) throw new Error('no table');
    const damaged = old.slice();
    new DataView(damaged.buffer).setUint32(table.offset + 8, 0xfffffff0, true);
    expect(outcome(honest, damaged)).toEqual({ code: 'delta-malformed', written: 0 });
  });
});

describe('the old file', () => {
  const bytes = Uint8Array.from({ length: 1000 }, (_, i) => i);

  /** What copying a range of it makes. */
  function copied(offset: number, length: number): number[] {
    const made: number[] = [];
    const module = new GoModule({
      readOld: (target, from) => memorySource(bytes).readInto(target, from),
      writeNew: (chunk) => made.push(...chunk),
    });
    module.exports.openOldFile(bytes.length);
    module.exports.openNewFile(bytes.length);
    module.exports.copyOld(offset, length);
    module.exports.flush();
    return made;
  }

  it('gives the bytes asked for, and refuses what lies outside', () => {
    expect(copied(998, 2)).toEqual([230, 231]);
    expect(copied(0, 3)).toEqual([0, 1, 2]);
    for (const [offset, length] of [
      [999, 2],
      [-1, 2],
      [0, 1001],
    ] as const) {
      expect(() => copied(offset, length)).toThrowError(expect.objectContaining({ code: 'delta-malformed' }));
    }
  });

  it('is not read where functions are said to lie outside', () => {
    for (const oldTextOffset of [old.length - 10, 0xfffffff0]) {
      expect(outcome({ ...honest, geometry: { ...honest.geometry, oldTextOffset } }).code).toBe('delta-malformed');
    }
  });
});

describe('the module of predictions', () => {
  it('refuses to go on with a task that another one has displaced', () => {
    const first = new GoModule({});
    new GoModule({});
    expect(() => first.exports).toThrowError(expect.objectContaining({ code: 'internal' }));
  });

  it('has no more memory after many predictions than after one', () => {
    const tables = writeSideTables(honest, old.length);
    const predict = () => {
      buildGoPrediction(memorySource(old), tables, { write: () => undefined });
      return new GoModule({}).exports.memory.buffer.byteLength;
    };
    const once = predict();
    for (let i = 0; i < 100; i++) predict();
    expect(predict()).toBe(once);
  });
});
