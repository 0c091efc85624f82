import { expect, it } from 'vitest';
import type { Role } from '../../../../distributor/fleet/location.ts';
import { heldAgents, type PlacedMember } from '../../../../distributor/rollout/campaigns/held-agents.ts';

const device = (cluster: string | undefined, role: Role, wave: number | undefined, current = '1.1.0'): PlacedMember => {
  const location = { site: undefined, cluster, role };
  return { location, vouched: location, wave, current };
};
const claiming = (placed: PlacedMember): PlacedMember => ({
  ...placed,
  vouched: { ...placed.location, cluster: undefined },
});
const agent = device('c', 'agent', 0);

it.each<[string, PlacedMember[], number[]]>([
  ['an agent whose server no open wave covers', [agent, device('c', 'server', undefined)], [1, 0]],
  ['an agent of the second wave', [device('c', 'agent', 1), device('c', 'server', undefined)], [0, 1]],
  ['one server of two that comes later', [agent, device('c', 'server', 0), device('c', 'server', undefined)], [1, 0]],
  ['a server in an open wave, also in a later one', [agent, device('c', 'server', 1)], [0, 0]],
  ['a server that has the release', [agent, device('c', 'server', undefined, '1.2.0')], [0, 0]],
  ['a server that is ahead', [agent, device('c', 'server', undefined, '1.3.0')], [0, 0]],
  ['an agent that has it', [device('c', 'agent', 0, '1.2.0'), device('c', 'server', undefined)], [0, 0]],
  [
    'an agent that no open wave covers either',
    [device('c', 'agent', undefined), device('c', 'server', undefined)],
    [0, 0],
  ],
  ['a server of another cluster', [agent, device('d', 'server', undefined)], [0, 0]],
  ['a server that only claims to be of the cluster', [agent, claiming(device('c', 'server', undefined))], [0, 0]],
  ['an agent that only claims to be of it', [claiming(agent), device('c', 'server', undefined)], [1, 0]],
  ['devices without a cluster', [device(undefined, 'agent', 0), device(undefined, 'server', undefined)], [0, 0]],
])('of %s', (_what, devices, expected) => {
  expect(heldAgents(devices, '1.2.0', 2)).toEqual(expected);
});
