/** Probing until the verdict is in, on a clock that does not wait: what a service that starts or an agent makes of it. */
import { beforeEach, expect, it } from 'vitest';
import { probeHealth } from '../../../edge-updater/effects/probe-health.ts';
import type { World } from '../../../edge-updater/effects/world.ts';
import type { HealthProbe, HealthResult, ServiceCondition } from '../../../edge-updater/ports.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

const rules = { timeoutSeconds: 30, successes: 2, soakSeconds: 20 };
const active: ServiceCondition = { isActive: true, crashes: 0, detail: 'k3s-agent.service is active' };
const starting: ServiceCondition = {
  ...{ isActive: false, isStarting: true, crashes: 0, detail: 'k3s-agent.service is activating (start)' },
};
const healthy: HealthResult = { isHealthy: true, detail: 'all is well', evidence: 'node: Ready' };
const away: HealthResult = { isHealthy: false, isUndecided: true, detail: 'api: nobody answers' };

let clock: VirtualClock;
let beats: number;
let said: string[];
/** What each look finds, the last one for ever. */
let conditions: ServiceCondition[];
let results: HealthResult[];
let waitsFor: string | undefined;
let begun: number;

beforeEach(() => {
  clock = new VirtualClock(0);
  [beats, begun, said, waitsFor] = [0, 0, [], undefined];
});

function probe(phase: 'probation' | 'rolling-back') {
  const next = <T>(list: T[]): T => (list.length > 1 ? list.shift() : list[0]) as T;
  const health: HealthProbe = {
    begin: () => begun++,
    probe: async () => next(results),
    waitsFor: async () => waitsFor,
  };
  const world = {
    ...{ clock, health, service: { condition: async () => next(conditions) } },
    heartbeat: { secondsUntilDue: 0, beat: () => beats++ },
    narrator: { state: (_: string, detail: string) => said.push(detail) },
    policy: { healthIntervalSeconds: 10 },
  } as unknown as World;
  return probeHealth(world, rules, phase, new AbortController().signal);
}

it('begins anew with each start, and brings the evidence of the last look', async () => {
  [conditions, results] = [[active], [healthy]];
  expect(await probe('probation')).toEqual({ kind: 'healthy', evidence: 'node: Ready' });
  expect([begun, clock.monotonicSeconds(), beats]).toEqual([1, 30, 0]);
});

it('waits for the server of an agent as long as that takes, and tells its own server that it is there', async () => {
  [conditions, results] = [[active], [...Array(1000).fill(away), healthy]];
  expect(await probe('probation')).toMatchObject({ kind: 'healthy' });
  expect(clock.monotonicSeconds()).toBe(10_030);
  expect(beats).toBe(1000);
  expect(said[0]).toBe('waiting for its server: api: nobody answers');
});

it('waits while systemd does, too, where that is why', async () => {
  waitsFor = 'api: nobody answers';
  [conditions, results] = [[...Array(100).fill(starting), active], [healthy]];
  expect(await probe('probation')).toMatchObject({ kind: 'healthy' });
  expect(said[0]).toContain('activating (start); api: nobody answers');
});

it('does not wait for a service that starts without end for a reason of its own', async () => {
  [conditions, results] = [[starting], [healthy]];
  expect(await probe('probation')).toMatchObject({ kind: 'unhealthy', code: 'health-timeout' });
  expect(clock.monotonicSeconds()).toBe(30);
});

it('ends going back in time, wherever the server is', async () => {
  [conditions, results] = [[active], [away]];
  expect(await probe('rolling-back')).toMatchObject({ kind: 'unhealthy', code: 'health-timeout' });
  expect(clock.monotonicSeconds()).toBe(30);
});

it('names an end of its own between two good looks', async () => {
  const ended = (crashes: number) => ({ ...active, crashes });
  [conditions, results] = [[ended(1), ended(2), ended(3), ended(4)], [healthy]];
  const message = 'not healthy within 30 s: it ended by itself (4 times so far); all is well';
  expect(await probe('probation')).toEqual({ kind: 'unhealthy', code: 'health-timeout', message });
});
