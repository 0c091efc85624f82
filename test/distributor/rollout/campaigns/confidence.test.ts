import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  atMost,
  highestRate,
  isAbove,
  isBelow,
  successesNeeded,
} from '../../../../distributor/rollout/campaigns/confidence.ts';

/** The distribution term by term, without logarithms. */
function summed(k: number, n: number, p: number): number {
  let [sum, term] = [0, (1 - p) ** n];
  for (let i = 0; i <= k; i++) {
    sum += term;
    term *= ((n - i) / (i + 1)) * (p / (1 - p));
  }
  return sum;
}

describe('the binomial distribution', () => {
  it('is what its terms add up to', () =>
    fc.assert(
      fc.property(fc.nat(120), fc.nat(120), fc.double({ min: 0.01, max: 0.9, noNaN: true }), (k, more, p) => {
        expect(atMost(k, k + more + 1, p)).toBeCloseTo(summed(k, k + more + 1, p), 9);
      }),
    ));

  it('stays exact where a single term is too small for a number', () => {
    // The mean is 50,000 with a deviation of 218: half lies below it, and all of it ten deviations above.
    expect(atMost(50_000, 1_000_000, 0.05)).toBeCloseTo(0.5012, 3);
    expect(atMost(52_180, 1_000_000, 0.05)).toBeCloseTo(1, 12);
    expect(atMost(47_820, 1_000_000, 0.05)).toBeLessThan(1e-22);
  });
});

describe('a failure rate', () => {
  it('is below 5 % by 59 successes with 95 % confidence, and by no fewer (the rule of three)', () => {
    expect(isBelow(0.05, { failed: 0, settled: 58 }, 0.95)).toBe(false);
    expect(isBelow(0.05, { failed: 0, settled: 59 }, 0.95)).toBe(true);
    expect(successesNeeded(0.05, { failed: 0, settled: 0 }, 0.95)).toBe(59);
    expect(successesNeeded(0.05, { failed: 1, settled: 1 }, 0.95)).toBe(92);
    expect(successesNeeded(0, { failed: 0, settled: 9 }, 0.95)).toBe(Number.POSITIVE_INFINITY);
  });

  it('has the bound of Clopper and Pearson', () => {
    expect(highestRate({ failed: 0, settled: 59 }, 0.95)).toBeCloseTo(1 - 0.05 ** (1 / 59), 6);
    // 17 of 419: 4.06 % seen, up to 6.1 % possible.
    expect(highestRate({ failed: 17, settled: 419 }, 0.95)).toBeCloseTo(0.0605, 3);
    expect(highestRate({ failed: 3, settled: 3 }, 0.95)).toBe(1);
  });

  it('is never below and above one limit with more than half the confidence', () =>
    fc.assert(
      fc.property(fc.nat(300), fc.nat(300), fc.constantFrom(0.5, 0.8, 0.95, 0.99), (failed, good, confidence) => {
        const evidence = { failed, settled: failed + good };
        const both = isBelow(0.05, evidence, confidence) && isAbove(0.05, evidence, confidence);
        expect(both && confidence > 0.5).toBe(false);
      }),
    ));
});
