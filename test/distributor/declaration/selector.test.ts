import { describe, expect, it } from 'vitest';
import { type LabelRequirement, selects } from '../../../distributor/declaration/selector.ts';
import { compileLabelling, compileLabels } from '../../../distributor/fleet/labels/effective-labels.ts';
import { locationOf, vouchedLocation } from '../../../distributor/fleet/location.ts';

const requirement = (operator: LabelRequirement['operator'], ...values: string[]): LabelRequirement => ({
  key: 'tier',
  operator,
  values,
});

describe('a selector', () => {
  it.each([
    ['In', 'a value of the list', requirement('In', 'a', 'b'), { tier: 'b' }, true],
    ['In', 'another value', requirement('In', 'a', 'b'), { tier: 'c' }, false],
    ['In', 'no such label', requirement('In', 'a'), {}, false],
    ['NotIn', 'another value', requirement('NotIn', 'a'), { tier: 'c' }, true],
    ['NotIn', 'a value of the list', requirement('NotIn', 'a'), { tier: 'a' }, false],
    ['NotIn', 'no such label', requirement('NotIn', 'a'), {}, true],
    ['Exists', 'an empty value', requirement('Exists'), { tier: '' }, true],
    ['Exists', 'no such label', requirement('Exists'), {}, false],
    ['DoesNotExist', 'no such label', requirement('DoesNotExist'), {}, true],
    ['DoesNotExist', 'the label', requirement('DoesNotExist'), { tier: 'a' }, false],
  ])('%s with %s', (_operator, _labels, expression, labels, expected) => {
    expect(selects({ matchLabels: {}, matchExpressions: [expression] }, labels)).toBe(expected);
  });

  it('selects everything when it says nothing', () => {
    expect(selects({ matchLabels: {}, matchExpressions: [] }, {})).toBe(true);
  });

  it('wants all of its conditions', () => {
    const selector = { matchLabels: { region: 'north' }, matchExpressions: [requirement('Exists')] };
    expect(selects(selector, { region: 'north', tier: 'a' })).toBe(true);
    expect(selects(selector, { region: 'south', tier: 'a' })).toBe(false);
    expect(selects(selector, { region: 'north' })).toBe(false);
  });

  it('takes no property that every object has for a label', () => {
    const inherited: LabelRequirement = { key: 'constructor', operator: 'Exists', values: [] };
    expect(selects({ matchLabels: {}, matchExpressions: [inherited] }, {})).toBe(false);
  });
});

describe('labels by rule', () => {
  const none = { matchLabels: {}, matchExpressions: [] };
  const label = compileLabels([
    { when: { ...none, ids: ['wt-north-*'] }, set: { region: 'north', tier: 'a' } },
    { when: { ...none, ids: [], matchLabels: { region: 'north' } }, set: { tier: 'b' } },
    { when: { ...none, ids: ['a.c'] }, set: { dotted: 'yes' } },
  ]);

  it('win over what the device says, and later rules over earlier ones', () => {
    expect(label('wt-north-1', { region: 'south', own: '1' })).toEqual({ region: 'north', tier: 'b', own: '1' });
  });

  it('give no safeguards, and neither does a person, whatever an earlier server kept', () => {
    const [key, fake] = ['box.slipway.io/tpm', { 'box.slipway.io/tpm': '2.0', region: 'north' }];
    const giving = [{ when: { ...none, ids: [] }, set: fake }];
    for (const fromDevice of [true, false]) {
      expect(compileLabels(giving, fromDevice)('wt-1', { [key]: 'none' })).toEqual({ [key]: 'none', region: 'north' });
      expect(compileLabels([], fromDevice)('wt-1', { [key]: 'none' }, fake)).toEqual({
        [key]: 'none',
        region: 'north',
      });
      expect(compileLabels([], fromDevice)('wt-1', {}, fake)).toEqual({ region: 'north' });
    }
  });

  it('leave others as they are', () => {
    const own = { region: 'south' };
    expect(label('wt-south-1', own)).toBe(own);
  });

  it('take a dot of an id for a dot', () => {
    expect(label('a.c', {})).toEqual({ dotted: 'yes' });
    expect(label('abc', {})).toEqual({});
  });

  it('say where a device stands; all but agents are servers', () => {
    const keys = { site: 's', cluster: 'c', role: 'r', fromDevice: false };
    expect(locationOf(keys, { s: 'x', c: '', r: 'agent' })).toEqual({ site: 'x', cluster: undefined, role: 'agent' });
    expect(locationOf(keys, { r: 'witness' })).toEqual({ site: undefined, cluster: undefined, role: 'server' });
  });

  it.each([
    ['that a rule gives', false, { c: 'one', s: 'x' }, { site: 'x', cluster: 'one', role: 'agent' }],
    ['that the device claims', false, {}, { site: undefined, cluster: undefined, role: 'agent' }],
    ['of which a rule gives one', false, { c: 'one' }, { site: undefined, cluster: 'one', role: 'agent' }],
    ['that the device claims, where its word counts', true, {}, { site: 'x', cluster: 'one', role: 'agent' }],
  ])('place a device beside others by the site and cluster %s', (_which, fromDevice, byRule, expected) => {
    const keys = { site: 's', cluster: 'c', role: 'r', fromDevice };
    expect(vouchedLocation(keys, { s: 'x', c: 'one', r: 'agent' }, byRule)).toEqual(expected);
  });

  it('tell what rules gave from what the device says', () => {
    const labelling = compileLabelling([
      { when: { ids: ['a-*'], matchLabels: {}, matchExpressions: [] }, set: { tier: 'edge' } },
      { when: { ids: [], matchLabels: { tier: 'edge' }, matchExpressions: [] }, set: { cluster: 'one' } },
    ]);
    expect(labelling('a-1', { cluster: 'two', own: 'yes' }).ruled).toEqual({ tier: 'edge', cluster: 'one' });
    expect(labelling('b-1', { cluster: 'two', own: 'yes' }).ruled).toEqual({});
  });
});
