import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareVersions } from '../../../../contract/release/version.ts';
import type { Role } from '../../../../distributor/fleet/location.ts';
import { decide } from '../../../../distributor/rollout/deciding/decide.ts';
import { inputOf, noon, peer, release, rollout, running, state } from '../deciding.ts';

/** One device of a cluster that goes through a whole rollout. */
interface Member {
  readonly id: string;
  readonly role: Role;
  counter: number;
  /** Offered, not committed yet. */
  target: number | undefined;
}

const goal = 4;
const declared = rollout(`1.${goal}.0`, {
  maxMinorStep: 1,
  concurrency: { perSite: 5, serversPerCluster: 1, agentsPerCluster: { percent: 10 } },
});
const releases = [1, 2, 3, 4].map((counter) => release(counter));

function check(member: Member, cluster: readonly Member[]) {
  const others = cluster.filter(({ id }) => id !== member.id);
  return decide(
    inputOf({
      id: member.id,
      labels: { 'slipway.io/cluster': 'c1', 'slipway.io/site': 'x', 'slipway.io/role': member.role },
      device: { current: running(member.counter), counterFloor: member.counter },
      rollouts: [declared],
      releases,
      states: [state(`1.${goal}.0`)],
      peers: others.map(({ id, role, counter, target }) =>
        peer(id, { role, site: 'x', current: `1.${counter}.0`, isUpdating: target !== undefined, lastSeenAt: noon }),
      ),
    }),
  );
}

/** Who checks or finishes next: a device by its number, and whether an update of it ends well. */
const course = fc.array(fc.record({ who: fc.nat(30), endsWell: fc.boolean() }), { minLength: 1, maxLength: 400 });

describe('a cluster, in whatever order its devices check and finish', () => {
  it('updates servers before agents, one server and a tenth of the agents at once', () =>
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 0, max: 27 }), course, (servers, agents, steps) => {
        const cluster: Member[] = Array.from({ length: servers + agents }, (_, index) => ({
          id: `device-${index}`,
          role: index < servers ? 'server' : 'agent',
          counter: 1,
          target: undefined,
        }));
        const updating = (role: Role) =>
          cluster.filter((member) => member.role === role && member.target !== undefined);
        for (const { who, endsWell } of steps) {
          const member = cluster[who % cluster.length] as Member;
          if (member.target !== undefined) {
            if (endsWell) member.counter = member.target;
            member.target = undefined;
            continue;
          }
          const decision = check(member, cluster);
          if (decision.kind !== 'update') continue;
          if (member.role === 'agent') {
            for (const { role, counter } of cluster) if (role === 'server') expect(counter).toBe(goal);
          }
          expect(compareVersions(decision.release.version, `1.${member.counter}.0`)).toBeGreaterThan(0);
          member.target = decision.release.counter;
          expect(updating('server').length).toBeLessThanOrEqual(1);
          expect(updating('agent').length).toBeLessThanOrEqual(Math.max(1, Math.floor(agents / 10)));
          expect(updating('server').length + updating('agent').length).toBeLessThanOrEqual(5);
        }
      }),
      { numRuns: 150 },
    ));

  it('arrives as a whole when every update ends well', () =>
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 0, max: 12 }),
        fc.nat(1000),
        (servers, agents, seed) => {
          const cluster: Member[] = Array.from({ length: servers + agents }, (_, index) => ({
            id: `device-${index}`,
            role: index < servers ? 'server' : 'agent',
            counter: 1,
            target: undefined,
          }));
          for (let round = 0; round < 200 && cluster.some(({ counter }) => counter < goal); round++) {
            for (let index = 0; index < cluster.length; index++) {
              const member = cluster[(index * 7 + seed + round) % cluster.length] as Member;
              if (member.target !== undefined) [member.counter, member.target] = [member.target, undefined];
              else {
                const decision = check(member, cluster);
                if (decision.kind === 'update') member.target = decision.release.counter;
              }
            }
          }
          expect(cluster.every(({ counter }) => counter === goal)).toBe(true);
        },
      ),
      { numRuns: 40 },
    ));
});
