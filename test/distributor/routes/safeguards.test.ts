/** Safeguards that a box tells of itself, and who may say that a box has them: nobody else. */
import { describe, expect, it } from 'vitest';
import type { CheckRequest } from '../../../contract/device-api/check.ts';
import { deviceLines, deviceText } from '../../../distributor/commands/text/device-text.ts';
import { smallRelease } from '../../fakes/signed-repository.ts';
import { SmallFleet } from '../../fakes/small-fleet.ts';

const safeguards = { secureBoot: 'on', tpm: '2.0', diskEncryption: 'on', lockdown: 'integrity' };
const label = 'box.slipway.io/secure-boot';
const labels = {
  [label]: 'on',
  'box.slipway.io/tpm': '2.0',
  'box.slipway.io/disk-encryption': 'on',
  'box.slipway.io/lockdown': 'integrity',
};
const told = (more: object = {}) => ({ schemaVersion: 2, troubles: [], ...more }) as Partial<CheckRequest>;

/** Two rollouts would do; one whose group asks for Secure Boot is enough. */
async function open(fleet: object = {}): Promise<SmallFleet> {
  const small = await SmallFleet.open();
  await small.publish(smallRelease('1.0.0', 1));
  const documents = [
    { apiVersion: 'slipway/v1', kind: 'Fleet', metadata: { name: 'f' }, spec: fleet },
    {
      ...{ apiVersion: 'slipway/v1', kind: 'Group', metadata: { name: 'safe' } },
      spec: { selector: { matchLabels: { [label]: 'on' } } },
    },
  ];
  await small.writeRolloutFile('fleet.yaml', documents.map((document) => JSON.stringify(document)).join('\n---\n'));
  await small.declare('to-1', {
    release: '1.0.0',
    group: 'safe',
    allowEmpty: true,
    waves: [{ name: 'all', percent: 100 }],
  });
  return small;
}

async function shown(small: SmallFleet, id: string) {
  const token = await small.token('operator', 'devices:read');
  return (await small.ask('GET', `/v1/devices/${id}`, token)).json();
}

describe('a rollout for boxes with Secure Boot', () => {
  it.each([{}, { labelsFromDevice: false }])('is for a box that tells of it, in a fleet with %j', async (fleet) => {
    await using small = await open(fleet);
    const token = await small.enrol('edge-1');
    expect(await small.check('edge-1', token, told())).toMatchObject({ reason: 'not-in-group' });
    expect(await small.check('edge-1', token, told({ safeguards }))).toMatchObject({ decision: 'update' });
    expect((await shown(small, 'edge-1')).labels).toEqual(labels);
    const off = told({ safeguards: { ...safeguards, secureBoot: 'off' } });
    expect(await small.check('edge-1', token, off)).toMatchObject({ reason: 'not-in-group' });
  });

  it.each([{}, { labelsFromDevice: false }])('takes no label for it, in a fleet with %j', async (fleet) => {
    await using small = await open(fleet);
    const token = await small.enrol('edge-1');
    for (const check of [
      told({ labels }),
      { labels },
      told({ labels, safeguards: { ...safeguards, secureBoot: 'off' } }),
    ]) {
      expect(await small.check('edge-1', token, check)).toMatchObject({ reason: 'not-in-group' });
    }
    expect((await shown(small, 'edge-1')).labels).toMatchObject({ [label]: 'off' });
  });

  it('passes over safeguards that it cannot read', async () => {
    await using small = await open();
    const token = await small.enrol('edge-1');
    const odd = told({ safeguards: { ...safeguards, tpm: 7 } });
    expect(await small.check('edge-1', token, odd)).toMatchObject({ reason: 'not-in-group' });
  });

  it('shows a box with as many labels of its own as there may be', async () => {
    await using small = await open();
    const token = await small.enrol('edge-1');
    const own = Object.fromEntries(Array.from({ length: 64 }, (_, index) => [`label-${index}`, 'x']));
    expect(await small.check('edge-1', token, told({ labels: own, safeguards }))).toMatchObject({ decision: 'update' });
    expect((await shown(small, 'edge-1')).labels).toEqual({ ...own, ...labels });
    const why = await small.ask('GET', '/v1/devices/edge-1/why', await small.token('operator', 'devices:read'));
    expect(why.json().device.labels).toEqual({ ...own, ...labels });
  });
});

it('are a row of their own for people, and no labels', async () => {
  await using small = await open();
  const token = await small.enrol('edge-1');
  await small.check('edge-1', token, told({ labels: { region: 'north' }, safeguards }));
  const detail = await shown(small, 'edge-1');
  const text = deviceText(detail, small.now);
  expect(text).toMatch(/^ +labels +region=north$/m);
  expect(text).toMatch(/^ +safeguards +secure-boot on, tpm 2\.0, disk-encryption on, lockdown integrity$/m);
  async function* one() {
    yield detail;
  }
  const lines: string[] = [];
  for await (const line of deviceLines(one(), small.now, true)) lines.push(line);
  expect(lines.join('\n')).toMatch(/ region=north$/m);
});

describe('nobody gives a box safeguards', () => {
  it('by a label of the server', async () => {
    await using small = await open();
    await small.enrol('edge-1');
    const token = await small.token('operator', 'devices:control');
    const answer = await small.ask('POST', '/v1/devices/edge-1/labels', token, { labels: { [label]: 'on' } });
    expect(answer.json()).toMatchObject({ code: 'usage' });
    expect(answer.json().message).toContain('reserved');
  });

  it('by an enrolment token', async () => {
    await using small = await open();
    const token = await small.token('operator', 'tokens:control');
    const answer = await small.ask('POST', '/v1/tokens', token, { purpose: 'enrol', labels: { [label]: 'on' } });
    expect(answer.statusCode).toBe(400);
    expect(answer.json().message).toContain('reserved');
  });

  it('by a token for a group that asks for them', async () => {
    await using small = await open();
    const token = await small.token('operator', 'tokens:control');
    const answer = await small.ask('POST', '/v1/tokens', token, { purpose: 'enrol', groups: ['safe'] });
    expect(answer.json()).toMatchObject({ code: 'usage' });
    expect(answer.json().message).toContain(`it asks for ${label}, which a device decides`);
  });

  it('by a rule of the fleet', async () => {
    await using small = await open();
    const rule = { when: {}, set: { [label]: 'on' } };
    const fleet = { apiVersion: 'slipway/v1', kind: 'Fleet', metadata: { name: 'f' }, spec: { labels: [rule] } };
    await small.writeRolloutFile('fleet.yaml', JSON.stringify(fleet));
    expect(JSON.stringify(small.reconciled.at(-1))).toContain('reserved');
  });
});
