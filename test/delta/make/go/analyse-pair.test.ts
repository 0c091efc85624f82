import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { memorySource } from '../../../../delta/byte-source.ts';
import { buildGoPrediction } from '../../../../delta/go/build-prediction.ts';
import { analyseGoPair } from '../../../../delta/make/go/analyse-pair.ts';
import { type TinyFunction, tinyGoProgram } from '../../go/tiny-go-program.ts';

function functions(count: number, padding: (i: number) => number = (i) => i % 40): TinyFunction[] {
  return Array.from({ length: count }, (_, i) => ({
    name: `main.f${i}`,
    padding: padding(i),
    calls: `main.f${(i * 7 + 3) % count}`,
  }));
}

function sideTablesOf(old: Uint8Array, new_: Uint8Array): Uint8Array {
  const result = analyseGoPair(old, new_);
  if ('notGo' in result) throw new Error(result.notGo);
  return result.sideTables;
}

function predict(old: Uint8Array, sideTables: Uint8Array): Uint8Array {
  const chunks: Uint8Array[] = [];
  buildGoPrediction(memorySource(old), sideTables, { write: (chunk) => chunks.push(chunk.slice()) });
  return Buffer.concat(chunks);
}

/** Bytes at the same place that differ, plus the difference of the lengths. */
function differences(a: Uint8Array, b: Uint8Array): number {
  let count = Math.abs(a.length - b.length);
  for (let i = 0; i < Math.min(a.length, b.length); i++) if (a[i] !== b[i]) count++;
  return count;
}

describe('the prediction of a Go program', () => {
  for (const goBefore120 of [true, false]) {
    it(`is exact when a function grows (${goBefore120 ? 'Go 1.18 and 1.19' : 'from Go 1.20 on'})`, () => {
      const before = functions(200);
      const after = before.map((f, i) => (i === 20 ? { ...f, padding: f.padding + 16 } : f));
      const old = tinyGoProgram({ functions: before, goBefore120 });
      const new_ = tinyGoProgram({ functions: after, goBefore120 });
      const predicted = predict(old, sideTablesOf(old, new_));
      const text = 0x1000 + before.slice(0, 20).reduce((sum, f) => sum + Math.ceil((f.padding + 16) / 16) * 16, 0);
      const grown = Buffer.concat([
        predicted.subarray(0, text),
        new Uint8Array(16).fill(0x90),
        predicted.subarray(text),
      ]);
      expect(differences(grown.subarray(0, 0x2000), new_.subarray(0, 0x2000))).toBeLessThan(40);
      expect(differences(old.subarray(0, 0x2000), new_.subarray(0, 0x2000))).toBeGreaterThan(1000);
    });
  }

  it('is exact behind the header when functions change places', () => {
    const before = functions(300, () => 5).map((f) => ({ ...f, calls: 'main.f17' }));
    const after = [...before.slice(100), ...before.slice(0, 100)];
    const old = tinyGoProgram({ functions: before });
    const new_ = tinyGoProgram({ functions: after });
    const predicted = predict(old, sideTablesOf(old, new_));
    const codeEnd = 0x1000 + 300 * 32;
    expect(Buffer.from(predicted.subarray(0x1000, codeEnd)).equals(new_.subarray(0x1000, codeEnd))).toBe(true);
    expect(Buffer.from(old.subarray(0x1000, codeEnd)).equals(new_.subarray(0x1000, codeEnd))).toBe(false);
  });

  it('rewrites data references when data is inserted', () => {
    const old = tinyGoProgram({ functions: functions(100, () => 30) });
    const new_ = tinyGoProgram({ functions: functions(100, () => 30), extraData: 3 });
    const predicted = predict(old, sideTablesOf(old, new_));
    const codeEnd = 0x1000 + 100 * 48;
    expect(Buffer.from(predicted.subarray(0x1000, codeEnd)).equals(new_.subarray(0x1000, codeEnd))).toBe(true);
  });

  it('leaves the bytes of both programs alone, also when they are Buffers', () => {
    const before = functions(60);
    const old = Buffer.from(tinyGoProgram({ functions: before }));
    const new_ = Buffer.from(tinyGoProgram({ functions: before.slice(5).map((f) => ({ ...f, calls: 'main.f9' })) }));
    const copies = [old, new_].map((bytes) => new Uint8Array(bytes));
    expect(sideTablesOf(old, new_).length).toBeGreaterThan(0);
    expect([old, new_].map((bytes, i) => bytes.equals(copies[i] as Uint8Array))).toEqual([true, true]);
  });

  it('is the old program when nothing changed', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.boolean(), (count, goBefore120) => {
        const program = tinyGoProgram({ functions: functions(count), goBefore120 });
        expect(Buffer.from(predict(program, sideTablesOf(program, program))).equals(program)).toBe(true);
      }),
      { numRuns: 30 },
    );
  });

  it('of a real program, unchanged, is that program in a few hundred bytes of side tables', () => {
    const program = readFileSync('node_modules/@esbuild/linux-x64/bin/esbuild');
    const sideTables = sideTablesOf(program, program);
    expect(sideTables.length).toBeLessThan(400);
    expect(differences(predict(program, sideTables), program)).toBeLessThan(64);
  });
});

describe('what is no Go program', () => {
  const program = tinyGoProgram({ functions: functions(50) });

  it('is named, not thrown', () => {
    expect(analyseGoPair(new Uint8Array(0), program)).toHaveProperty('notGo');
    expect(analyseGoPair(new Uint8Array(5000).fill(7), program)).toHaveProperty('notGo');
    expect(analyseGoPair(program, readFileSync('package.json'))).toHaveProperty('notGo');
  });

  it('is never thrown at the caller, whatever bytes are damaged', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(program.length - 1), fc.integer({ min: 0, max: 255 })), { maxLength: 20 }),
        fc.nat(program.length),
        (edits, length) => {
          const damaged = program.slice(0, length);
          for (const [at, byte] of edits) if (at < length) damaged[at] = byte;
          for (const [old, new_] of [
            [damaged, program],
            [program, damaged],
          ] as const) {
            const result = analyseGoPair(old, new_);
            if ('sideTables' in result) predict(old, result.sideTables);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it('is never thrown at the caller, whatever single byte of the headers is damaged', () => {
    const pclntab = Buffer.from(program).indexOf(Buffer.from([0xf1, 0xff, 0xff, 0xff]));
    const places = [...Array(232).keys(), ...Array.from({ length: 72 }, (_, i) => pclntab + i)];
    for (const at of places) {
      for (const byte of [0, 1, 0x7f, 0xff]) {
        const damaged = program.slice();
        damaged[at] = byte;
        const result = analyseGoPair(damaged, program);
        if ('sideTables' in result) predict(damaged, result.sideTables);
        analyseGoPair(program, damaged);
      }
    }
  });
});
