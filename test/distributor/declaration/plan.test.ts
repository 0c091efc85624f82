import { describe, expect, it } from 'vitest';
import { emptyPlan, parsePlan } from '../../../distributor/declaration/plan.ts';
import { PlanError, type PlanProblem } from '../../../distributor/declaration/problem.ts';

const document = (kind: string, name: string, spec: string) =>
  `apiVersion: slipway/v1\nkind: ${kind}\nmetadata: {name: ${name}}\nspec:\n${spec.replace(/^/gm, '  ')}\n`;
const waves = 'waves: [{name: all, percent: 100}]';
const rollout = (spec = '', name = 'r', size = waves) =>
  document('Rollout', name, `product: edge\nrelease: 1.2.0\n${size}\n${spec}`);

function problemsOf(...texts: readonly string[]): readonly PlanProblem[] {
  try {
    parsePlan(texts.map((text, index) => ({ name: `${index}.yaml`, text })));
  } catch (error) {
    if (error instanceof PlanError && error.code === 'document-invalid') return error.problems;
    throw error;
  }
  return [];
}

describe('a plan', () => {
  it('is empty without documents', () => {
    expect(parsePlan([{ name: 'a.yaml', text: '# nothing\n---\n' }])).toEqual(emptyPlan);
  });

  it('is the same in whatever files and order it is written', () => {
    const group = document('Group', 'north', 'selector: {}');
    const [a, b] = [rollout('', 'a'), rollout('group: north', 'b')];
    const one = parsePlan([{ name: 'all.yaml', text: [a, b, group].join('---\n') }]);
    const many = [group, b, a].map((text, index) => ({ name: `${index}`, text }));
    expect(parsePlan(many)).toEqual(one);
    expect(one.rollouts.map(({ name }) => name)).toEqual(['a', 'b']);
  });

  it('requires of releases what is declared, once each, and is the same plan as before where nothing is', () => {
    const [plain] = parsePlan([{ name: 'a', text: rollout() }]).rollouts;
    expect(Object.keys(plain ?? {})).not.toContain('require');
    const [both] = parsePlan([{ name: 'a', text: rollout('require: [upstream, sbom, sbom]') }]).rollouts;
    expect(both?.require).toEqual(['sbom', 'upstream']);
    expect(problemsOf(rollout('require: [signature]'))).toMatchObject([{ line: 8 }]);
  });

  it.each([
    'matchLabels: {box.slipway.io/secureboot: "on"}',
    'matchExpressions: [{key: box.slipway.io/secureboot, operator: NotIn, values: ["off"]}]',
  ])('selects by no safeguard that there is not: %s', (selector) => {
    const [problem] = problemsOf(document('Group', 'g', `selector: {${selector}}`));
    expect(JSON.stringify(problem)).toContain('box.slipway.io/secure-boot');
  });

  it('survives being kept as JSON', () => {
    const spec = `group: g
windows: [{timeZone: Europe/Berlin, days: [Mon], from: "22:00", to: "05:00"}]
budget: {bytes: 10GiB, per: 24h}
deadline: 2026-12-24T00:00:00+01:00
concurrency: {perSite: 2, agentsPerCluster: "25%"}`;
    const plan = parsePlan([{ name: 'a', text: `${document('Group', 'g', 'selector: {}')}---\n${rollout(spec)}` }]);
    expect(JSON.parse(JSON.stringify(plan))).toEqual(plan);
    expect(plan.rollouts[0]).toMatchObject({
      windows: [{ timeZone: 'Europe/Berlin', days: ['Mon'], fromMinute: 22 * 60, toMinute: 5 * 60 }],
      budget: { bytes: 10 * 2 ** 30, perSeconds: 86_400 },
      deadline: Date.UTC(2026, 11, 23, 23),
      concurrency: { perSite: 2, serversPerCluster: 1, agentsPerCluster: { percent: 25 } },
    });
  });

  it('lets the nearest word win: wave over rollout over fleet over built-in, value by value', () => {
    const fleet = document(
      'Fleet',
      'f',
      'defaults: {gate: {successPercent: 90, minSample: 5}, abort: {revert: true}, deviceTimeout: 4h}',
    );
    const text = rollout(
      'gate: {minSample: 7}',
      'r',
      'waves: [{name: a, count: 3, gate: {stallAfter: 2h}}, {name: b, percent: 100}]',
    );
    const [found] = parsePlan([{ name: 'a', text: `${fleet}---\n${text}` }]).rollouts;
    expect(found?.gate).toEqual({ successPercent: 90, minSample: 7, stallAfterSeconds: 7 * 86_400, checks: [] });
    expect(found?.waves[0]?.gate).toEqual({ successPercent: 90, minSample: 7, stallAfterSeconds: 7200, checks: [] });
    expect(found?.waves[0]?.size).toEqual({ count: 3 });
    expect(found).toMatchObject({
      abort: { failurePercent: 5, minFailures: 3, revert: true },
      deviceTimeoutSeconds: 14_400,
    });
  });
});

/** What is wrong, the path that is named, a part of the reason. */
const bad: readonly (readonly [string, string, string, string])[] = [
  ['a percentage of 0', rollout('', 'r', 'waves: [{name: a, percent: 0}]'), 'spec.waves.0.percent', 'above 0'],
  [
    'a percentage above 100',
    rollout('', 'r', 'waves: [{name: a, percent: 101}]'),
    'spec.waves.0.percent',
    '100 at most',
  ],
  [
    'a wave that shrinks by percent',
    rollout('', 'r', 'waves: [{name: a, percent: 50}, {name: b, percent: 10}]'),
    'spec.waves.1.percent',
    'may not shrink: 10 after 50',
  ],
  [
    'a wave that shrinks by count',
    rollout('', 'r', 'waves: [{name: a, count: 5}, {name: b, count: 4}]'),
    'spec.waves.1.count',
    'may not shrink: 4 after 5',
  ],
  [
    'a count after a percentage',
    rollout('', 'r', 'waves: [{name: a, percent: 5}, {name: b, count: 4}]'),
    'spec.waves.1.count',
    'may not follow',
  ],
  [
    'a wave with both sizes',
    rollout('', 'r', 'waves: [{name: a, percent: 5, count: 4}]'),
    'spec.waves.0',
    'either percent',
  ],
  ['a wave without a size', rollout('', 'r', 'waves: [{name: a}]'), 'spec.waves.0', 'either percent'],
  [
    'two waves of one name',
    rollout('', 'r', 'waves: [{name: a, percent: 5}, {name: a, percent: 6}]'),
    'spec.waves.1.name',
    'duplicate',
  ],
  ['no waves', rollout('', 'r', 'waves: []'), 'spec.waves', 'one wave at least'],
  ['release and channel', rollout('channel: stable'), 'spec', 'either release or channel'],
  ['an unknown key', rollout('percentage: 3'), 'spec.percentage', 'unknown key'],
  ['an unknown group', rollout('group: south'), 'spec.group', 'no Group south'],
  ['an unknown dependency', rollout('after: [before]'), 'spec.after.0', 'no Rollout before'],
  ['a rollout that waits for itself', rollout('after: [r]'), 'spec.after.0', 'r → r'],
  [
    'a window that never opens',
    rollout('windows: [{timeZone: UTC, from: "05:00", to: "05:00"}]'),
    'spec.windows.0.to',
    'never opens',
  ],
  ['an empty list of windows', rollout('windows: []'), 'spec.windows', 'never opens'],
  [
    'a window without a day',
    rollout('windows: [{timeZone: UTC, days: [], from: "05:00", to: "06:00"}]'),
    'spec.windows.0.days',
    'never opens',
  ],
  [
    'an unknown time zone',
    rollout('windows: [{timeZone: Europe/Bonn, from: "05:00", to: "06:00"}]'),
    'spec.windows.0.timeZone',
    'unknown time zone',
  ],
  [
    'an offset for a time zone',
    rollout('windows: [{timeZone: "+02:00", from: "05:00", to: "06:00"}]'),
    'spec.windows.0.timeZone',
    'unknown time zone',
  ],
  [
    'an impossible time of day',
    rollout('windows: [{timeZone: UTC, from: "25:00", to: "06:00"}]'),
    'spec.windows.0.from',
    'time of day',
  ],
  [
    'an unknown weekday',
    rollout('windows: [{timeZone: UTC, days: [Mo], from: "05:00", to: "06:00"}]'),
    'spec.windows.0.days.0',
    'Mon',
  ],
  [
    'an unknown selector operator',
    document('Group', 'g', 'selector: {matchExpressions: [{key: a, operator: Gt, values: ["1"]}]}'),
    'spec.selector.matchExpressions.0.operator',
    'NotIn',
  ],
  [
    'In without values',
    document('Group', 'g', 'selector: {matchExpressions: [{key: a, operator: In}]}'),
    'spec.selector.matchExpressions.0.values',
    'one value at least',
  ],
  [
    'Exists with values',
    document('Group', 'g', 'selector: {matchExpressions: [{key: a, operator: Exists, values: [b]}]}'),
    'spec.selector.matchExpressions.0.values',
    'takes no values',
  ],
  ['another API version', rollout().replace('slipway/v1', 'slipway/v2'), 'apiVersion', 'slipway/v1'],
  ['an unknown kind', rollout().replace('kind: Rollout', 'kind: Rolout'), 'kind', 'Fleet, Group, Rollout'],
  ['a budget of nothing', rollout('budget: {bytes: 0GiB, per: 24h}'), 'spec.budget.bytes', 'above 0'],
  ['a budget without a period', rollout('budget: {bytes: 1GiB, per: 0s}'), 'spec.budget.per', 'above 0s'],
  ['a deadline that is no time', rollout('deadline: soon'), 'spec.deadline', 'expected a time'],
  ['more agents than all', rollout('concurrency: {agentsPerCluster: "200%"}'), 'spec.concurrency.agentsPerCluster', ''],
  [
    'a check with a password in its URL',
    rollout('gate: {checks: [{name: a, http: {url: "https://u:p@h/"}}]}'),
    'spec.gate.checks.0.http.url',
    'does not belong into Git',
  ],
  [
    'a check of another protocol',
    rollout('gate: {checks: [{name: a, http: {url: "file:///etc/passwd"}}]}'),
    'spec.gate.checks.0.http.url',
    'http',
  ],
  [
    'two checks of one name',
    rollout('gate: {checks: [{name: a, http: {url: "http://h/"}}, {name: a, http: {url: "http://i/"}}]}'),
    'spec.gate.checks.1.name',
    'duplicate',
  ],
  ['a key that is there twice', `${rollout()}kind: Rollout\n`, '', 'unique'],
];

describe('a plan is refused for', () => {
  it.each(bad)('%s', (_what, text, path, reason) => {
    const problems = problemsOf(text);
    expect(problems.map((problem) => problem.path)).toContain(path);
    const problem = problems.find((found) => found.path === path);
    expect(problem?.message).toContain(reason);
    expect(problem?.fix).toMatch(/\.$/);
  });

  it('two rollouts of one name, at the second', () => {
    expect(problemsOf(rollout(), rollout())).toMatchObject([
      {
        file: '1.yaml',
        line: 3,
        column: 18,
        path: 'metadata.name',
        message: 'Rollout r is declared in 0.yaml:3 already',
      },
    ]);
  });

  it('two fleets', () => {
    const [one, two] = [document('Fleet', 'a', '{}'), document('Fleet', 'b', '{}')];
    expect(problemsOf(one, two)).toMatchObject([
      { file: '1.yaml', message: 'a second Fleet; the first is in 0.yaml:3' },
    ]);
  });

  it('rollouts that wait for each other, once', () => {
    const texts = [rollout('after: [b]', 'a'), rollout('after: [c]', 'b'), rollout('after: [a]', 'c')];
    expect(problemsOf(...texts)).toMatchObject([{ file: '2.yaml', message: expect.stringContaining('a → b → c → a') }]);
  });

  it('every problem of every file at once, in their order, with the place in its file', () => {
    const second = `${rollout('', 'x')}---\n${rollout('priority: 9999', 'y', 'waves: [{name: a, percent: -1}]')}`;
    const problems = problemsOf('not: [closed', second);
    expect(problems.map(({ file, line }) => `${file}:${line}`)).toEqual(['0.yaml:1', '1.yaml:16', '1.yaml:17']);
  });

  it('a broken group, but not for rollouts that name it', () => {
    const group = document('Group', 'g', 'selector: {matchLabels: [no]}');
    expect(problemsOf(group, rollout('group: g'))).toMatchObject([{ file: '0.yaml' }]);
    expect(problemsOf('{', rollout('group: g')).every(({ file }) => file === '0.yaml')).toBe(true);
  });

  it('YAML that unfolds without end', () => {
    const bomb = ['a: &a [x,x,x,x,x,x,x,x,x,x]'];
    for (let i = 0; i < 8; i++) bomb.push(`${'bcdefghi'[i]}: &${'bcdefghi'[i]} [${`*${'abcdefgh'[i]},`.repeat(9)}x]`);
    expect(problemsOf(bomb.join('\n'))).toMatchObject([{ file: '0.yaml' }]);
  });
});
