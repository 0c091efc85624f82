import { expect, it } from 'vitest';
import { limits } from '../../../contract/limits.ts';
import { parsePlan } from '../../../distributor/declaration/plan.ts';
import { PlanError } from '../../../distributor/declaration/problem.ts';

const maxCpuMs = 15_000;

/** Rollouts of a plan in as many files as their length needs. */
function files(count: number, rollout: (number: number) => object) {
  const perFile = 2000;
  return Array.from({ length: Math.ceil(count / perFile) }, (_, file) => ({
    name: `${file}.yaml`,
    text: Array.from({ length: Math.min(perFile, count - file * perFile) }, (_, i) => {
      const number = file * perFile + i;
      const spec = { product: 'p', release: '1.0.0', waves: [{ name: 'a', percent: 100 }], ...rollout(number) };
      return JSON.stringify({ apiVersion: 'slipway/v1', kind: 'Rollout', metadata: { name: `r${number}` }, spec });
    }).join('\n---\n'),
  }));
}

function problemsOf(plan: ReturnType<typeof files>) {
  const before = process.cpuUsage();
  try {
    parsePlan(plan);
    return [];
  } catch (error) {
    if (error instanceof PlanError) return error.problems;
    throw error;
  } finally {
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1000).toBeLessThan(maxCpuMs);
  }
}

it('a chain of 10,000 rollouts is walked to its end', () => {
  expect(problemsOf(files(10_000, (number) => (number === 0 ? {} : { after: [`r${number - 1}`] })))).toEqual([]);
});

it('a circle of 10,000 rollouts is named once, with its first members', () => {
  const problems = problemsOf(files(10_000, (number) => ({ after: [`r${(number + 9999) % 10_000}`] })));
  expect(problems).toHaveLength(1);
  expect(problems[0]?.message).toContain('the rollouts wait for each other: r0 → r9999 → r9998 →');
});

it('rollouts that all wait for rollouts that nobody declares are told of a hundred times', () => {
  const after = Array.from({ length: 20 }, (_, i) => `nobody${i}`);
  expect(problemsOf(files(6000, () => ({ after })))).toHaveLength(limits.maxProblems);
});

it('a rollout of 20,000 waves is refused', () => {
  const waves = Array.from({ length: 20_000 }, (_, i) => ({ name: `w${i}`, percent: 1 }));
  expect(problemsOf(files(1, () => ({ waves }))).map(({ path }) => path)).toEqual(['spec.waves']);
});

it('a document of 20,000 unknown keys is told of a hundred times', () => {
  const keys = Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`k${i}`, 1]));
  const problems = problemsOf(files(1, () => keys));
  expect(problems).toHaveLength(limits.maxProblems);
});

it('two documents with a hundred problems each are told of by the first of them', () => {
  const gate = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`k${i}`, 1]));
  const error = (() => {
    try {
      return parsePlan(files(2, () => gate));
    } catch (thrown) {
      return thrown;
    }
  })();
  expect(error).toMatchObject({ code: 'document-invalid', message: expect.stringContaining('and 100 more problems') });
});
