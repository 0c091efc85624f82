import { describe, expect, it } from 'vitest';
import { countTotals, totalsLine } from './totals.ts';

const file = (name: string, status: string, ...tests: string[]) => ({
  name,
  status,
  message: '',
  assertionResults: tests.map((state, at) => ({ fullName: `${name} ${at}`, status: state })),
});

describe('the totals of a test run', () => {
  it('counts every test once, whatever kind of not-run it is', () => {
    const report = {
      testResults: [
        file('a', 'failed', 'passed', 'failed', 'skipped'),
        file('b', 'passed', 'passed', 'todo', 'pending', 'disabled'),
      ],
    };
    const totals = countTotals(report);
    expect(totalsLine(totals)).toBe('2 passed, 1 failed, 4 skipped');
    expect(totals.skippedNames).toEqual(['a 2', 'b 1', 'b 2', 'b 3']);
  });

  it('counts a file that did not load, or whose hook threw, as one failure', () => {
    const report = { testResults: [file('broken', 'failed'), file('hook', 'failed', 'passed', 'skipped')] };
    expect(totalsLine(countTotals(report))).toBe('1 passed, 2 failed, 1 skipped');
  });

  it('counts a file whose suites made no test as one that did not run', () => {
    const totals = countTotals({ testResults: [file('empty', 'passed'), file('a', 'passed', 'passed')] });
    expect(totalsLine(totals)).toBe('1 passed, 0 failed, 1 skipped');
    expect(totals.skippedNames).toEqual(['empty: no test in it ran']);
  });

  it('refuses a report of another shape instead of counting zero', () => {
    expect(() => countTotals({ results: [] })).toThrow();
  });
});
