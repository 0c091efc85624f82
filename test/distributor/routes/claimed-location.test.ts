import { expect, it } from 'vitest';
import { encodeManifest } from '../../../contract/release/manifest.ts';
import { whyText } from '../../../distributor/commands/text/why-text.ts';
import type { WhyView } from '../../../distributor/explanation/view.ts';
import { smallRelease } from '../../fakes/signed-repository.ts';
import { SmallFleet } from '../../fakes/small-fleet.ts';

const old = {
  current: { version: '1.0.0', counter: 1, manifestSha256: encodeManifest(smallRelease('1.0.0', 1)).sha256 },
  counterFloor: 1,
};
const keys = { site: 'slipway.io/site', cluster: 'slipway.io/cluster', role: 'slipway.io/role' };
const own = (place: string, role: string) => ({
  ...old,
  labels: { [keys.site]: place, [keys.cluster]: place, [keys.role]: role },
});
const rule = (ids: string[], place: string) => ({
  when: { ids },
  set: { [keys.site]: place, [keys.cluster]: place },
});

async function open(fleet: object): Promise<SmallFleet> {
  const small = await SmallFleet.open();
  await small.publish(smallRelease('1.0.0', 1));
  await small.publish(smallRelease('2.0.0', 2));
  const document = { apiVersion: 'slipway/v1', kind: 'Fleet', metadata: { name: 'f' }, spec: fleet };
  await small.writeRolloutFile('fleet.yaml', JSON.stringify(document));
  await small.declare('r', {
    release: '2.0.0',
    waves: [{ name: 'all', percent: 100 }],
    concurrency: { perSite: 1 },
  });
  return small;
}

/** A stranger of this role is offered the release first. @returns what a device of the plant is told then */
async function toldBeside(stranger: string, neighbour: string, fleet: object): Promise<string> {
  await using small = await open(fleet);
  const [one, other] = [await small.enrol('stranger'), await small.enrol('plant-1')];
  expect(await small.check('stranger', one, own('plant', stranger))).toMatchObject({ decision: 'update' });
  return (await small.check('plant-1', other, own('plant', neighbour))).reason;
}

const plant = rule(['plant-*'], 'plant');

it.each([
  ['agents, as a server of their cluster that stays behind', 'server', 'agent'],
  ['servers, as one of their cluster that updates for ever', 'server', 'server'],
])('a device that names the cluster of others holds up none of its %s', async (_what, stranger, neighbour) => {
  expect(await toldBeside(stranger, neighbour, { labels: [plant] })).toBe('rollout-open');
});

it.each([
  ['server', 'agent', 'servers-first'],
  ['server', 'server', 'cluster-busy'],
  ['agent', 'server', 'site-busy'],
])('%s holds up %s of the place that it claims where the fleet takes it at its word', async (stranger, neighbour, reason) => {
  const fleet = { labels: [plant], keys: { fromDevice: true } };
  expect(await toldBeside(stranger, neighbour, fleet)).toBe(reason);
});

it.each([
  ['server', 'agent', 'servers-first'],
  ['server', 'server', 'cluster-busy'],
  ['agent', 'server', 'site-busy'],
])('%s holds up %s of the place that a rule gives both', async (stranger, neighbour, reason) => {
  const fleet = { labels: [plant, rule(['stranger'], 'plant')] };
  expect(await toldBeside(stranger, neighbour, fleet)).toBe(reason);
});

it('a device waits for the servers of the cluster that it claims: its word counts against itself', async () => {
  await using small = await open({ labels: [plant] });
  const [server, stranger] = [await small.enrol('plant-1'), await small.enrol('stranger')];
  await small.check('plant-1', server, own('plant', 'server'));
  expect(await small.check('stranger', stranger, own('plant', 'agent'))).toMatchObject({ reason: 'servers-first' });
  const reader = await small.token('operator', 'devices:read');
  const why = async (id: string) => (await small.ask('GET', `/v1/devices/${id}/why`, reader)).json<WhyView>();
  const explained = await why('stranger');
  expect(explained.device).toMatchObject({ cluster: 'plant', claims: ['site', 'cluster'] });
  expect(whyText(explained, small.now)).toContain('site and cluster by its own word: nobody waits for it there');
  expect((await why('plant-1')).device.claims).toBeUndefined();
});
