/** A token that is bound to products, groups or rollouts sees and changes what lies inside, and knows of nothing else. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FleetReach } from '../../../distributor/fleet/access/reach.ts';
import { scopeNames } from '../../../distributor/fleet/access/scopes.ts';
import { product, smallRelease } from '../../fakes/signed-repository.ts';
import { enrolBody, SmallFleet } from '../../fakes/small-fleet.ts';

const group = {
  apiVersion: 'slipway/v1',
  kind: 'Group',
  metadata: { name: 'north' },
  spec: { selector: { matchLabels: { region: 'north' } } },
};

let small: SmallFleet;
beforeAll(async () => {
  small = await SmallFleet.open();
  await small.publish(smallRelease('1.0.0', 1));
  await small.writeRolloutFile('group.yaml', JSON.stringify(group));
  await small.declare('northern', { release: '1.0.0', group: 'north', waves: [{ name: 'all', percent: 100 }] });
  await small.declare('other', { release: '1.0.0', waves: [{ name: 'all', percent: 100 }] });
  for (const [id, region] of [
    ['north-1', 'north'],
    ['south-1', 'south'],
  ] as const) {
    const body = { ...enrolBody(id), labels: { region } };
    await small.ask('POST', '/v1/enrol', await small.enrolmentToken(1), body);
  }
});
afterAll(() => small[Symbol.asyncDispose]());

const bound = (reach: Partial<FleetReach>) => small.boundToken(reach, scopeNames);
const get = async (url: string, token: string) => (await small.ask('GET', url, token)).json();
const idsOf = async (token: string) => (await get('/v1/devices', token)).devices.map(({ id }: { id: string }) => id);
const rolloutsOf = async (token: string) =>
  (await get('/v1/rollouts', token)).rollouts.map(({ name }: { name: string }) => name);

describe('lists', () => {
  it.each<[string, Partial<FleetReach>, string[], string[]]>([
    ['nothing', {}, ['north-1', 'south-1'], ['northern', 'other']],
    ['its product', { products: [product] }, ['north-1', 'south-1'], ['northern', 'other']],
    ['another product', { products: ['k0s-edge'] }, [], []],
    ['a group', { groups: ['north'] }, ['north-1'], ['northern']],
    ['a group that the plan does not have', { groups: ['west'] }, [], []],
    ['a rollout', { rollouts: ['northern'] }, ['north-1'], ['northern']],
    ['a rollout for all', { rollouts: ['other'] }, ['north-1', 'south-1'], ['other']],
    ['a group and a rollout that is not for it', { groups: ['north'], rollouts: ['other'] }, ['north-1'], []],
    ['reading', { readOnly: true }, ['north-1', 'south-1'], ['northern', 'other']],
  ])('have what lies inside for a token that is bound to %s', async (_what, reach, ids, rollouts) => {
    const token = await bound(reach);
    expect([await idsOf(token), await rolloutsOf(token)]).toEqual([ids, rollouts]);
  });

  it('go on over pages where most devices lie outside', async () => {
    const token = await bound({ groups: ['north'] });
    const first = await get('/v1/devices?limit=1', token);
    expect(first.devices.map(({ id }: { id: string }) => id)).toEqual(['north-1']);
    expect((await get(`/v1/devices?limit=1&after=${first.next}`, token)).devices).toEqual([]);
  });

  it('of events have those about what lies inside', async () => {
    const about = async (token: string, query = '') =>
      (await get(`/v1/events${query}`, token)).events.map(
        ({ rollout, deviceId, kind }: Record<string, string>) => rollout ?? deviceId ?? kind,
      );
    const all = await about(await bound({}));
    expect(all).toEqual(expect.arrayContaining(['plan-applied', 'north-1', 'south-1', 'northern', 'other']));
    const north = await bound({ groups: ['north'] });
    expect(new Set(await about(north))).toEqual(new Set(['north-1', 'northern']));
    expect(await about(north, '?latest=1')).toHaveLength(1);
    expect(await about(await bound({ products: ['k0s-edge'] }))).toEqual([]);
  });
});

describe('one', () => {
  it('device outside is not there, for reading and for changing', async () => {
    const token = await bound({ groups: ['north'] });
    for (const [method, path] of [
      ['GET', ''],
      ['GET', '/why'],
      ['POST', '/revoke'],
      ['POST', '/forget'],
    ] as const) {
      const answer = await small.ask(method, `/v1/devices/south-1${path}`, token);
      const unknown = await small.ask(method, `/v1/devices/nowhere${path}`, token);
      const said = (text: string) => text.replaceAll(/south-1|nowhere|"requestId":"[^"]*"/g, '');
      expect([answer.statusCode, said(answer.body)]).toEqual([404, said(unknown.body)]);
    }
    expect((await small.fleet.findDevice('south-1'))?.status).toBe('accepted');
  });

  it('device inside is shown with the rollouts inside alone', async () => {
    const names = async (token: string) =>
      (await get('/v1/devices/north-1/why', token)).rollouts.map(({ rollout }: { rollout: string }) => rollout);
    const north = await bound({ groups: ['north'] });
    expect((await names(north)).filter((name: string) => name !== 'northern')).toEqual([]);
  });

  it('device cannot be labelled out of the reach, nor another one into it', async () => {
    const token = await bound({ groups: ['north'] });
    const label = (id: string, region: string) =>
      small.ask('POST', `/v1/devices/${id}/labels`, token, { labels: { region } });
    expect((await label('north-1', 'south')).json().code).toBe('out-of-reach');
    expect((await label('south-1', 'north')).json().code).toBe('device-unknown');
    expect((await small.fleet.findDevice('north-1'))?.givenLabels).toEqual({});
  });

  it('rollout is shown without those outside that claim its devices', async () => {
    const overlapsOf = async (token: string) =>
      (await get('/v1/rollouts/northern', token)).rollouts[0].overlaps.map(
        ({ rollout }: { rollout: string }) => rollout,
      );
    expect(await overlapsOf(await bound({}))).toEqual(['other']);
    expect(await overlapsOf(await bound({ groups: ['north'] }))).toEqual([]);
  });
});

describe('a bound token that makes tokens', () => {
  const make = async (reach: Partial<FleetReach>, order: object) => {
    const answer = await small.ask('POST', '/v1/tokens', await bound(reach), order);
    return answer.statusCode === 201 ? 'made' : answer.json().code;
  };
  const operator = { purpose: 'operator', scopes: ['devices:read'] };

  it.each<[string, Partial<FleetReach>, object, string]>([
    ['the same bounds', { products: [product] }, { ...operator, products: [product] }, 'made'],
    ['narrower ones', { products: [product] }, { ...operator, products: [product], groups: ['north'] }, 'made'],
    ['no bounds', { products: [product] }, operator, 'out-of-reach'],
    ['another product', { products: [product] }, { ...operator, products: ['k0s-edge'] }, 'out-of-reach'],
    ['one product more', { products: [product] }, { ...operator, products: [product, 'k0s-edge'] }, 'out-of-reach'],
    ['bounds of another kind', { groups: ['north'] }, { ...operator, rollouts: ['northern'] }, 'out-of-reach'],
    ['devices of its product', { products: [product] }, { purpose: 'enrol', products: [product] }, 'made'],
    ['devices of any product', { products: [product] }, { purpose: 'enrol' }, 'out-of-reach'],
    ['devices, whatever group they come into', { groups: ['north'] }, { purpose: 'enrol' }, 'out-of-reach'],
    ['devices that come into its group', { groups: ['north'] }, { purpose: 'enrol', groups: ['north'] }, 'made'],
    ['devices of another group', { groups: ['north'] }, { purpose: 'enrol', groups: ['west'] }, 'out-of-reach'],
    ['anything, where it only reads', { readOnly: true }, { ...operator, readOnly: true }, 'out-of-reach'],
  ])('may give %s: %#', async (_what, reach, order, outcome) => {
    expect(await make(reach, order)).toBe(outcome);
  });

  it('sees and ends those inside its reach alone', async () => {
    const own = await bound({ products: [product] });
    const other = await bound({ products: ['k0s-edge'] });
    const { id } = await get('/v1/whoami', other);
    const { tokens } = await get('/v1/tokens?limit=1000', own);
    expect(
      tokens.every(
        (token: { products?: string[]; deviceId?: string }) => token.products?.includes(product) || token.deviceId,
      ),
    ).toBe(true);
    expect(tokens.some((token: { id: string }) => token.id === id)).toBe(false);
    expect((await small.ask('POST', `/v1/tokens/${id}/revoke`, own)).json().code).toBe('token-unknown');
    expect((await get('/v1/whoami', other)).status).toBe('valid');
    const inner = await bound({ products: [product], readOnly: true });
    const innerId = (await get('/v1/whoami', inner)).id;
    expect((await small.ask('POST', `/v1/tokens/${innerId}/revoke`, own)).statusCode).toBe(200);
  });
});

it('may try a plan out where it only reads, and not apply it', async () => {
  await using api = await SmallFleet.open({ source: 'api' });
  const token = await api.boundToken({ readOnly: true }, scopeNames);
  const put = (url: string) => api.ask('PUT', url, token, { files: [] });
  expect((await put('/v1/plan?dryRun=true')).statusCode).toBe(200);
  expect((await put('/v1/plan')).json().code).toBe('out-of-reach');
});

it('is named in the audit log by its name and its public id', async () => {
  const all = await small.token('operator', ...scopeNames);
  const order = { purpose: 'ci', name: 'ci-main', scopes: ['tokens:control'] };
  const made = (await small.ask('POST', '/v1/tokens', all, order)).json();
  await small.ask('POST', '/v1/tokens', made.token, { purpose: 'enrol' });
  const { events } = await get('/v1/events?latest=1', all);
  expect(events[0].actor).toBe(`token ci-main (${made.id})`);
});
