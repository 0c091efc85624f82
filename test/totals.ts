/** What vitest's JSON report says in numbers; the report itself stays vitest's. */
import { z } from 'zod';

const reportSchema = z.object({
  testResults: z.array(
    z.object({
      name: z.string(),
      status: z.string(),
      message: z.string().optional(),
      assertionResults: z.array(z.object({ fullName: z.string(), status: z.string() })),
    }),
  ),
});

export interface Totals {
  readonly passed: number;
  /** Failed tests, and files that failed outside any test (they did not load, or a hook threw). */
  readonly failed: number;
  /** Tests that did not run, for whatever reason, among them `todo`; a file in which no test is counts as one. */
  readonly skipped: number;
  readonly skippedNames: readonly string[];
}

/**
 * Every test that is neither passed nor failed is skipped: nothing falls out of the count.
 * @param report the parsed text of `--reporter=json`; throws ZodError for another shape
 */
export function countTotals(report: unknown): Totals {
  const files = reportSchema.parse(report).testResults;
  const tests = files.flatMap((file) => file.assertionResults);
  const failedTests = tests.filter((test) => test.status === 'failed').length;
  const brokenFiles = files.filter(
    (file) => file.status === 'failed' && file.assertionResults.every((test) => test.status !== 'failed'),
  ).length;
  const passed = tests.filter((test) => test.status === 'passed').length;
  const idleFiles = files.filter((file) => file.status !== 'failed' && file.assertionResults.length === 0);
  const skippedNames = [
    ...tests.filter((test) => test.status !== 'passed' && test.status !== 'failed').map((test) => test.fullName),
    ...idleFiles.map((file) => `${file.name}: no test in it ran`),
  ];
  return { passed, failed: failedTests + brokenFiles, skipped: skippedNames.length, skippedNames };
}

/** The one line that CI reads. */
export function totalsLine(totals: Pick<Totals, 'passed' | 'failed' | 'skipped'>): string {
  return `${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`;
}
