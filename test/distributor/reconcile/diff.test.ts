import { describe, expect, it } from 'vitest';
import { emptyPlan, type Plan, parsePlan } from '../../../distributor/declaration/plan.ts';
import { describeDiff, diffPlans } from '../../../distributor/reconcile/diff.ts';

const group = (name: string, region = 'north') => ({
  kind: 'Group',
  metadata: { name },
  spec: { selector: { matchLabels: { region } } },
});
const rollout = (name: string, spec: object = {}) => ({
  kind: 'Rollout',
  metadata: { name },
  spec: {
    ...{ product: 'edge', release: '1.0.0' },
    waves: [
      { name: 'canary', percent: 2 },
      { name: 'all', percent: 100 },
    ],
    ...spec,
  },
});
const planOf = (...documents: object[]): Plan =>
  parsePlan(
    documents.map((document, i) => ({ name: `${i}`, text: JSON.stringify({ apiVersion: 'slipway/v1', ...document }) })),
  );

describe('the difference of two plans', () => {
  it('is empty for the same documents in another order and another file, and after a database', () => {
    const plan = planOf(group('a'), rollout('r', { group: 'a' }), rollout('s'));
    expect(diffPlans(plan, planOf(rollout('s'), rollout('r', { group: 'a' }), group('a')))).toEqual([]);
    expect(diffPlans(JSON.parse(JSON.stringify(plan)), plan)).toEqual([]);
    expect(describeDiff([])).toBe('Nothing changes.');
  });

  it('names what is added and what is removed, by kind and name', () => {
    const before = planOf(group('a'), rollout('r'));
    const after = planOf(group('b'), rollout('q'), rollout('r'));
    expect(diffPlans(before, after)).toEqual([
      { action: 'removed', kind: 'Group', name: 'a' },
      { action: 'added', kind: 'Group', name: 'b' },
      { action: 'added', kind: 'Rollout', name: 'q' },
    ]);
    expect(describeDiff(diffPlans(emptyPlan, before))).toBe('+ Group a\n+ Rollout r');
  });

  it('names changed fields with both values, waves by their names', () => {
    const waves = [
      { name: 'canary', percent: 5 },
      { name: 'half', percent: 50 },
      { name: 'all', percent: 100 },
    ];
    const diff = diffPlans(planOf(rollout('r', { paused: true })), planOf(rollout('r', { waves, priority: 3 })));
    expect(diff).toMatchObject([{ action: 'changed', kind: 'Rollout', name: 'r' }]);
    const fields = Object.fromEntries(
      diff.flatMap((change) => ('fields' in change ? change.fields : [])).map(({ path, ...values }) => [path, values]),
    );
    expect(fields).toMatchObject({
      paused: { before: true, after: false },
      priority: { before: 0, after: 3 },
      'waves.canary.size.percent': { before: 2, after: 5 },
      'waves.half': { after: { name: 'half', size: { percent: 50 } } },
    });
    expect(describeDiff(diff)).toContain('~ Rollout r\n    paused: true -> false\n');
  });

  it('sees that waves changed places', () => {
    const waves = [
      { name: 'a', percent: 50 },
      { name: 'b', percent: 50 },
    ];
    const diff = diffPlans(planOf(rollout('r', { waves })), planOf(rollout('r', { waves: waves.toReversed() })));
    expect(diff).toMatchObject([{ action: 'changed', fields: [{ path: 'waves' }] }]);
  });

  it('compares a fleet with the defaults where none was declared', () => {
    const diff = diffPlans(emptyPlan, planOf({ kind: 'Fleet', metadata: { name: 'fleet' }, spec: { poll: '5m' } }));
    expect(diff).toEqual([
      { action: 'changed', kind: 'Fleet', name: 'fleet', fields: [{ path: 'pollSeconds', after: 300 }] },
    ]);
  });
});
