import { expect, it } from 'vitest';
import { freshProbation, judgeHealth } from '../../../edge-updater/update/probation.ts';

const policy = { timeoutSeconds: 30, successes: 3, soakSeconds: 50 };

/**
 * `+` healthy, `-` not, `?` undecided, `!` healthy after it ended by itself once more; a sample each 10 s.
 * @returns the verdict and how many samples it took
 */
function judge(samples: string, crashesBefore = 0) {
  let crashes = crashesBefore;
  let probation = freshProbation;
  for (const [index, sample] of [...samples].entries()) {
    if (sample === '!') crashes++;
    const isHealthy = sample === '+' || sample === '!';
    const isUndecided = sample === '?';
    const seen = { isHealthy, isUndecided, detail: 'seen', crashes, elapsedSeconds: index * 10 };
    const verdict = judgeHealth(probation, seen, policy);
    if (verdict.kind !== 'wait') return [verdict.kind === 'healthy' ? 'healthy' : verdict.code, index + 1];
    probation = verdict.probation;
  }
  return ['wait', samples.length];
}

it.each([
  ['--', 'wait', 2],
  ['----', 'health-timeout', 4],
  ['++-+', 'health-timeout', 4],
  // Three in a row at 20 s, then 50 s of soak.
  ['++++++++', 'healthy', 8],
  // One lost probe is no lost service; the soak still has to end well.
  ['+++-++++', 'healthy', 8],
  ['++++++--', 'wait', 8],
  ['+++++++-+', 'healthy', 9],
  ['+++---', 'health-lost', 6],
  // An agent without its server: time stands still, also in the soak, and what was seen before counts on.
  ['?'.repeat(50), 'wait', 50],
  [`${'?'.repeat(50)}--`, 'wait', 52],
  [`${'?'.repeat(50)}---`, 'health-timeout', 53],
  ['--????--', 'health-timeout', 8],
  ['++????+', 'wait', 7],
  ['+++??+++++', 'healthy', 10],
  ['+++--?-', 'health-lost', 7],
  ['+++++?', 'wait', 6],
  // It answers well between two restarts.
  ['!!!', 'wait', 3],
  ['++!+', 'health-timeout', 4],
] as const)('judges %s: %s after %i samples', (samples, verdict, count) => {
  expect(judge(samples)).toEqual([verdict, count]);
});

it('does not wait for a service that ends again and again', () => {
  expect(judge('-', 5)).toEqual(['service-start-failed', 1]);
  expect(judge('-', 4)).toEqual(['wait', 1]);
});
