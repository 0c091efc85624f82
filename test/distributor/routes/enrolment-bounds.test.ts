/** What an enrolment token gives a device and asks of it, and labels that a person gives: none is the device's own word. */
import { describe, expect, it } from 'vitest';
import { product, smallRelease } from '../../fakes/signed-repository.ts';
import { enrolBody, idleDevice, SmallFleet } from '../../fakes/small-fleet.ts';

const north = { labels: { region: 'north' }, products: [product] };

async function tokenWith(small: SmallFleet, order: object): Promise<string> {
  const control = await small.token('operator', 'tokens:control');
  const made = await small.ask('POST', '/v1/tokens', control, { purpose: 'enrol', uses: 1, ...order });
  expect(made.statusCode).toBe(201);
  return made.json().token;
}

const enrolled = (small: SmallFleet, token: string, id: string, changes: object = {}) =>
  small.ask('POST', '/v1/enrol', token, { ...enrolBody(id), ...changes });

describe('an enrolment token with labels', () => {
  it('decides about a device by its labels, whatever the device says', async () => {
    await using small = await SmallFleet.open();
    await small.publish(smallRelease('1.0.0', 1));
    await small.writeRolloutFile('north.yaml', groupText('north'));
    await small.declare('r', { group: 'north', release: '1.0.0', waves: [{ name: 'all', percent: 100 }] });
    const device = (await enrolled(small, await tokenWith(small, north), 'a')).json().deviceToken;
    const stranger = (await enrolled(small, await tokenWith(small, {}), 'b')).json().deviceToken;
    await small.campaigns.advanceAll(small.now);
    const liar = { ...idleDevice, labels: { region: 'south' } };
    expect(await small.check('a', device, liar)).toMatchObject({ decision: 'update' });
    expect(await small.check('b', stranger, liar)).toMatchObject({ decision: 'none' });
  });

  it('shows them apart from those that the device says', async () => {
    await using small = await SmallFleet.open();
    const device = (await enrolled(small, await tokenWith(small, north), 'a')).json().deviceToken;
    await small.check('a', device, { labels: { region: 'south' } });
    const shown = (await small.ask('GET', '/v1/devices/a', device)).json();
    expect(shown).toMatchObject({ labels: { region: 'south' }, givenLabels: { region: 'north' } });
    const reader = await small.token('operator', 'devices:read');
    const listed = async (label: string) =>
      (await small.ask('GET', `/v1/devices?label=${encodeURIComponent(label)}`, reader)).json().devices.length;
    expect([await listed('region=north'), await listed('region=south')]).toEqual([1, 0]);
  });
});

describe('labels that a person gives', () => {
  it('hold from the next check on, at every replica, and go away again', async () => {
    await using small = await SmallFleet.open();
    await using other = await SmallFleet.open({ beside: small });
    await small.publish(smallRelease('1.0.0', 1));
    await small.writeRolloutFile('north.yaml', groupText('north'));
    await small.declare('r', { group: 'north', release: '1.0.0', waves: [{ name: 'all', percent: 100 }] });
    await other.reconciler.reconcile();
    await other.catalog.refresh(new Date(small.now));
    const device = await small.enrol('a');
    const control = await small.token('operator', 'devices:control');
    expect(await other.check('a', device)).toMatchObject({ decision: 'none' });
    const label = (labels: object) => small.ask('POST', '/v1/devices/a/labels', control, { labels, reason: 'moved' });
    expect((await label({ region: 'north' })).json()).toEqual({ id: 'a', givenLabels: { region: 'north' } });
    await small.pass(60);
    for (const each of [other, small]) expect(await each.check('a', device)).toMatchObject({ decision: 'update' });
    expect((await label({ region: null })).json()).toEqual({ id: 'a', givenLabels: {} });
    for (const each of [other, small]) expect(await each.check('a', device)).toMatchObject({ decision: 'none' });
    const events = await small.fleet.listEvents(0, 99);
    expect(events.filter(({ kind }) => kind === 'device-labelled')).toHaveLength(2);
  });

  it('are refused where they are none, and of devices that are not there', async () => {
    await using small = await SmallFleet.open();
    await small.enrol('a');
    const control = await small.token('operator', 'devices:control');
    const label = async (id: string, labels: object) =>
      (await small.ask('POST', `/v1/devices/${id}/labels`, control, { labels })).json().code;
    expect(await label('a', { '-': 'x' })).toBe('usage');
    expect(await label('b', { x: 'x' })).toBe('device-unknown');
  });
});

describe('a fleet that takes no labels from devices', () => {
  it('decides by those that were given alone', async () => {
    await using small = await SmallFleet.open();
    await small.publish(smallRelease('1.0.0', 1));
    await small.writeRolloutFile('north.yaml', groupText('north'));
    await small.declare('r', { group: 'north', release: '1.0.0', waves: [{ name: 'all', percent: 100 }] });
    const device = await small.enrol('a');
    const claiming = { labels: { region: 'north' } };
    await small.check('a', device, claiming);
    await small.pass(60);
    expect(await small.check('a', device, claiming)).toMatchObject({ decision: 'update' });
    await small.writeRolloutFile(
      'fleet.yaml',
      '{apiVersion: slipway/v1, kind: Fleet, metadata: {name: f}, spec: {labelsFromDevice: false}}',
    );
    expect(await small.check('a', device, claiming)).toMatchObject({ decision: 'none' });
  });
});

describe('an enrolment', () => {
  it('of a product that the token is not for, or that there is not, spends no use', async () => {
    await using small = await SmallFleet.open();
    const token = await tokenWith(small, north);
    for (const [open, name, code] of [
      [token, 'other', 'forbidden'],
      [await tokenWith(small, {}), 'k3s-egde', 'product-unknown'],
    ] as const) {
      expect((await enrolled(small, open, 'a', { product: name })).json().code).toBe(code);
      expect((await enrolled(small, open, `right-${code}`)).statusCode).toBe(201);
    }
  });
});

function groupText(region: string): string {
  const spec = { selector: { matchLabels: { region } } };
  return JSON.stringify({ apiVersion: 'slipway/v1', kind: 'Group', metadata: { name: region }, spec });
}

describe('an enrolment token for a group', () => {
  const declared = async (small: SmallFleet, spec: object) => {
    const group = { apiVersion: 'slipway/v1', kind: 'Group', metadata: { name: 'north' }, spec: { selector: spec } };
    await small.writeRolloutFile('north.yaml', JSON.stringify(group));
  };
  const order = async (small: SmallFleet, more: object) => {
    const control = await small.token('operator', 'tokens:control');
    return (await small.ask('POST', '/v1/tokens', control, { purpose: 'enrol', groups: ['north'], ...more })).json();
  };

  it('puts its devices there, whatever they say of themselves', async () => {
    await using small = await SmallFleet.open();
    await small.publish(smallRelease('1.0.0', 1));
    await declared(small, {
      matchLabels: { region: 'north' },
      matchExpressions: [
        { key: 'tier', operator: 'In', values: ['shop', 'lab'] },
        { key: 'owned', operator: 'Exists' },
      ],
    });
    await small.declare('r', { group: 'north', release: '1.0.0', waves: [{ name: 'all', percent: 100 }] });
    const { token, groups, labels } = await order(small, { labels: { tier: 'lab' } });
    expect([groups, labels]).toEqual([['north'], { region: 'north', tier: 'lab', owned: 'true' }]);
    const device = (await enrolled(small, token, 'a')).json().deviceToken;
    await small.campaigns.advanceAll(small.now);
    const liar = { ...idleDevice, labels: { region: 'south', tier: 'office' } };
    expect(await small.check('a', device, liar)).toMatchObject({ decision: 'update' });
  });

  it.each([
    ['the plan does not have it', {}, { groups: ['nroth'] }, 'Is north meant?'],
    [
      'it excludes devices by a label of theirs',
      { matchExpressions: [{ key: 'tier', operator: 'NotIn', values: ['lab'] }] },
      {},
      'tier NotIn',
    ],
    [
      'a label is given that it does not select',
      { matchLabels: { region: 'north' } },
      { labels: { region: 'south' } },
      'stands against it',
    ],
  ])('is not made where %s', async (_what, spec, more, words) => {
    await using small = await SmallFleet.open();
    await declared(small, spec);
    const { code, message, hint } = await order(small, more);
    expect([code, `${message} ${hint}`]).toEqual(['usage', expect.stringContaining(words)]);
  });

  it('is made where a label decides what the group excludes', async () => {
    await using small = await SmallFleet.open();
    await declared(small, { matchExpressions: [{ key: 'tier', operator: 'NotIn', values: ['lab'] }] });
    expect((await order(small, { labels: { tier: 'shop' } })).labels).toEqual({ tier: 'shop' });
  });
});
