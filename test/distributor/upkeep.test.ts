import { pino } from 'pino';
import { expect, it } from 'vitest';
import type { CheckRequest } from '../../contract/device-api/check.ts';
import type { Retention } from '../../distributor/fleet/ports.ts';
import { Upkeep } from '../../distributor/upkeep.ts';
import { smallRelease } from '../fakes/signed-repository.ts';
import { SmallFleet } from '../fakes/small-fleet.ts';

const daySeconds = 86_400;
const everybody = { waves: [{ name: 'all', percent: 100 }] };

/** Upkeep over a fleet, and every line that it logs. */
async function upkeepOf(small: SmallFleet, retention: Retention, advanceIntervalMs = 3_600_000) {
  const lines: Record<string, unknown>[] = [];
  const logger = pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const intervals = {
    refreshIntervalMs: 3_600_000,
    advanceIntervalMs,
    pruneIntervalMs: 20,
    tokenUseIntervalMs: 60_000,
  };
  // It starts the reconciler itself.
  small.reconciler.stop();
  const upkeep = new Upkeep({ services: small.services, logger, retention, ...intervals });
  await upkeep.start();
  return { upkeep, pruned: () => lines.filter(({ msg }) => msg === 'what is kept no longer removed') };
}

it('removes what is older than asked while it runs, and nothing that is still judged or in force', async () => {
  await using small = await SmallFleet.open();
  await small.publish(smallRelease('2.0.0', 2));
  await small.publish(smallRelease('3.0.0', 3));
  const [a, b] = [await small.enrol('a'), await small.enrol('b')];
  let sequence = 0;
  const update = async (name: string, version: string) => {
    await small.declare(name, { release: version, ...everybody });
    sequence += 1;
    for (const [id, token] of [['a', a] as const, ['b', b] as const]) {
      expect(await small.check(id, token)).toMatchObject({ decision: 'update', offer: { version } });
      await small.report(id, token, { sequence, rollout: name, version, outcome: 'committed', attempt: name });
    }
    await small.pass(1);
  };
  await update('gone', '2.0.0');
  await small.writeRolloutFile('gone.yaml', '');
  await update('kept', '3.0.0');
  const rolloutsOf = async (id: string) => (await small.fleet.attemptsOf(id)).map(({ rollout }) => rollout).sort();
  const kinds = async () => (await small.fleet.listEvents(0, 1000)).map(({ kind }) => kind);
  const statuses = async () =>
    (await small.fleet.loadCampaigns()).map(({ rollout, status }) => `${rollout} ${status}`).sort();
  const plan = await small.fleet.loadPlan();
  const recorded = async () => (await small.fleet.listAppliedPlans(9)).map(({ diff }) => diff.length);
  const before = [await rolloutsOf('a'), await statuses(), await recorded()];
  expect(before).toEqual([
    ['gone', 'kept'],
    ['gone completed', 'kept completed'],
    [1, 1, 1, 0],
  ]);

  const { upkeep, pruned } = await upkeepOf(small, { plans: 2, attemptDays: 90, eventDays: 400 });
  try {
    await expect.poll(() => pruned()).toMatchObject([{ plans: 2, attempts: 0, events: 0 }]);
    expect([await rolloutsOf('a'), await recorded()]).toEqual([
      ['gone', 'kept'],
      [1, 1, 1, 0],
    ]);

    await small.pass(100 * daySeconds);
    await expect.poll(() => pruned().at(-1)).toMatchObject({ plans: 0, attempts: 2, events: 0 });
    expect([await rolloutsOf('a'), await rolloutsOf('b')]).toEqual([['kept'], ['kept']]);
    expect(await kinds()).toContain('completed');

    await small.pass(400 * daySeconds);
    await expect.poll(() => pruned().length).toBe(3);
    expect(pruned().at(-1)).toMatchObject({ plans: 0, attempts: 0, events: expect.any(Number) });
    expect(await kinds()).toEqual(['events-removed']);
    expect([await rolloutsOf('a'), await statuses()]).toEqual([['kept'], ['gone completed', 'kept completed']]);
    expect([await recorded(), await small.fleet.loadPlan()]).toEqual([[1, 1], plan]);
    const operator = await small.token('operator', 'rollouts:read', 'events:read');
    const shown = await small.ask('GET', '/v1/rollouts/kept', operator);
    expect(shown.json().rollouts).toMatchObject([{ status: 'completed', waves: [{ committed: 2 }] }]);
    const asked = await small.ask('GET', '/v1/events?kind=events-removed', operator);
    expect(asked.json().events).toMatchObject([{ actor: 'retention' }]);
    expect(await small.check('a', a)).toMatchObject({ decision: 'update', offer: { version: '3.0.0' } });
  } finally {
    upkeep.stop();
  }
});

it('keeps a rollout that is declared completed when devices that come back late fail, whatever was removed', async () => {
  await using small = await SmallFleet.open();
  await small.publish(smallRelease('2.0.0', 2));
  const ids = Array.from({ length: 100 }, (_, i) => `gate-${i}`);
  const tokens = new Map<string, string>();
  for (const id of ids) tokens.set(id, await small.enrol(id));
  await small.declare('r', { release: '2.0.0', ...everybody });
  for (const id of ids) await small.check(id, tokens.get(id) ?? '');
  const tell = (id: string, outcome: 'committed' | 'rolled-back') =>
    small.report(id, tokens.get(id) ?? '', { rollout: 'r', version: '2.0.0', outcome, phase: 'idle' });
  for (const id of ids.slice(3)) await tell(id, 'committed');
  await small.pass(1);
  const status = async () => (await small.fleet.loadCampaigns())[0]?.status;
  expect(await status()).toBe('completed');
  await small.pass(100 * daySeconds);
  await small.fleet.prune({ plans: 2, attemptDays: 90, eventDays: 400 }, small.now);
  for (const id of ids.slice(0, 3)) await tell(id, 'rolled-back');
  // Late ones are counted a little later.
  await small.pass(60);
  expect(await status()).toBe('completed');
});

it('tells when declarations were last found in force and when they came into force, not when it last told so', async () => {
  await using small = await SmallFleet.open();
  await small.publish(smallRelease('2.0.0', 2));
  await small.declare('r', { release: '2.0.0', ...everybody });
  const appliedAt = small.now / 1000;
  await small.pass(100);
  const foundAt = small.now / 1000;
  const { upkeep } = await upkeepOf(small, { plans: 2, attemptDays: 90, eventDays: 400 }, 20);
  const told = async () => {
    const { body } = await small.ask('GET', '/metrics');
    const gauge = (name: string) => Number(new RegExp(`^slipway_plan_${name} (\\S+)$`, 'm').exec(body)?.[1]);
    return [gauge('applied_timestamp_seconds'), gauge('reconciled_timestamp_seconds')];
  };
  try {
    expect(await told()).toEqual([appliedAt, foundAt]);
    await small.pass(1000);
    await small.writeRolloutFile('r.yaml', 'broken: [');
    await expect.poll(async () => (await small.ask('GET', '/metrics')).body).toContain('slipway_rollouts_refused 1');
    expect(await told()).toEqual([appliedAt, foundAt]);
    await small.declare('r', { release: '2.0.0', ...everybody, priority: 5 });
    await expect.poll(told).toEqual([appliedAt + 1100, appliedAt + 1100]);
  } finally {
    upkeep.stop();
  }
});

it('counts the troubles of devices from its start on', async () => {
  await using small = await SmallFleet.open();
  const token = await small.enrol('a');
  const troubles = [{ code: 'disk-full', fault: 'device', message: 'x', since: '2026-01-01T00:00:00Z' }];
  await small.check('a', token, { schemaVersion: 2, troubles } as Partial<CheckRequest>);
  const { upkeep } = await upkeepOf(small, { plans: 2, attemptDays: 90, eventDays: 400 });
  upkeep.stop();
  const { body } = await small.ask('GET', '/metrics');
  expect(body).toContain('slipway_device_troubles{code="disk-full",fault="device"} 1');
});
