import { beforeAll, expect, it } from 'vitest';
import { openPostgresFleetState } from '../../../../../distributor/adapters/database/postgres/fleet-state.ts';
import type { FleetState } from '../../../../../distributor/fleet/ports.ts';
import {
  anyReport,
  arrival,
  counting,
  enrolAll,
  finding,
  key,
  nothing,
  offer,
  openWave,
  report,
} from '../../../../fakes/fleet-facts.ts';
import { campaignStoreSuite } from '../../../../port-suites/campaign-store.ts';
import { fleetStateSuite } from '../../../../port-suites/fleet-state.ts';
import { postgresService } from '../../../../services/postgres.ts';
import { PostgresServer } from '../../../../services/postgres-server.ts';
import { describeUnless } from '../../../../services/requirement.ts';

const service = postgresService();
const unavailable = { code: 'database-unavailable', retryable: true };

describeUnless('unavailable' in service ? service.unavailable : undefined, 'a fleet in PostgreSQL', () => {
  if ('unavailable' in service) return;
  let server: PostgresServer;
  let withTables: string;
  beforeAll(async () => {
    server = await PostgresServer.start(service);
    withTables = await server.freshDatabase();
    await (await openPostgresFleetState(withTables)).close();
    return () => server.remove();
  });
  const open = async () => openPostgresFleetState(await server.freshDatabase(withTables));

  fleetStateSuite('PostgreSQL', open);
  campaignStoreSuite('PostgreSQL', open);

  it('answers again after its connections were cut, and loses nothing that was acknowledged', async () => {
    const state = await open();
    await enrolAll(state, 'a');
    await state.storeReports('a', [report(1)], anyReport, 2);
    const url = new URL(server.url('x'));
    expect(state.location).toBe(`postgres://${url.host}/${state.location.split('/').at(-1)}`);
    await server.cutConnections();
    // What was idle may fail once where the news of the cut is still under way.
    await state.ping().catch(() => undefined);
    await expect.poll(() => state.findDevice('a').catch(() => undefined)).toMatchObject({ acknowledgedThrough: 1 });
    await state.close();
  });

  it('fails what comes while the server is down, and goes on when it is back', async () => {
    const state = await open();
    await enrolAll(state, 'a', 'b');
    await state.applyTransition(key, openWave(0), 1, 'rollouts');

    const acknowledged = new Set<number>();
    let sequence = 0;
    const tell = async () => {
      sequence += 1;
      const mine = sequence;
      await state.storeReports('a', [report(mine)], anyReport, 5);
      acknowledged.add(mine);
    };
    const underWay = Promise.allSettled(Array.from({ length: 20 }, tell));
    await server.pause('SIGQUIT');
    for (const one of await underWay) if (one.status === 'rejected') expect(one.reason).toMatchObject(unavailable);
    await expect(state.answerCheck(arrival('b', 6), () => nothing)).rejects.toMatchObject(unavailable);
    await expect(state.asLeader(async () => 1)).rejects.toMatchObject(unavailable);
    await server.resume();
    // The device sends again what was not acknowledged.
    for (let one = 1; one <= 20; one++) await state.storeReports('a', [report(one)], anyReport, 7);
    expect((await state.findDevice('a'))?.acknowledgedThrough).toBe(20);
    for (const one of acknowledged) expect(one).toBeLessThanOrEqual(20);
    expect((await state.answerCheck(arrival('b', 8), () => offer())).kind).toBe('update');
    expect(await state.asLeader(async () => 'leads')).toBe('leads');
    await state.close();
  });

  it('lets one replica lead, and another at once when that one ends', async () => {
    const url = await server.freshDatabase();
    const [first, second] = [await openPostgresFleetState(url), await openPostgresFleetState(url)];
    expect(await first.asLeader(async () => 1)).toBe(1);
    expect(await second.asLeader(async () => 2)).toBeUndefined();
    expect(await first.asLeader(async () => 3)).toBe(3);
    await first.close();
    expect(await second.asLeader(async () => 4)).toBe(4);
    await second.close();
  });

  const leaseEnds = (url: string) => server.query(url, 'update lead set expires_at = 0');

  it('lets another replica lead when the lease of one that says nothing any more has ended', async () => {
    const url = await server.freshDatabase();
    const [silent, second] = [await openPostgresFleetState(url), await openPostgresFleetState(url)];
    expect(await silent.asLeader(async () => 1)).toBe(1);
    await leaseEnds(url);
    expect(await second.asLeader(async () => 2)).toBe(2);
    expect(await silent.asLeader(async () => 3)).toBeUndefined();
    await Promise.all([silent.close(), second.close()]);
  });

  it('keeps nothing of what a leader writes that was stopped for longer than its lease', async () => {
    const url = await server.freshDatabase();
    const [stopped, second] = [await openPostgresFleetState(url), await openPostgresFleetState(url)];
    const late: unknown[] = [];
    const led = await stopped.asLeader(async () => {
      expect(await stopped.applyTransition(key, openWave(0, 0.1), 1, 'rollouts')).toBe(true);
      await leaseEnds(url);
      expect(await second.asLeader(async () => 'second')).toBe('second');
      late.push(await stopped.applyTransition(key, openWave(1), 2, 'rollouts').catch(({ code }) => code));
      await stopped.appendEvent({ at: 3, actor: 'rollouts', kind: 'tested', reason: 'late' });
    });
    expect([led, late]).toEqual([undefined, ['lead-lost']]);
    expect((await second.loadCampaigns()).map(({ openedWaves }) => openedWaves.length)).toEqual([1]);
    expect((await second.listEvents(0, 9)).map(({ kind }) => kind)).toEqual(['wave-opened']);
    // What is no work of the leader goes on as before.
    expect(await stopped.applyTransition(key, openWave(1), 4, 'somebody')).toBe(true);
    await Promise.all([stopped.close(), second.close()]);
  });

  it('keeps its lease for as long as its work takes', async () => {
    const url = await server.freshDatabase();
    const state = await openPostgresFleetState(url);
    const endOf = async () => Number((await server.query(url, 'select expires_at from lead'))[0]?.expires_at);
    await state.asLeader(async () => {
      const first = await endOf();
      await expect.poll(endOf, { timeout: 20_000 }).toBeGreaterThan(first);
    });
    await state.close();
  });

  it('does not let a group wait for a lock that another replica keeps, nor the steps beside it', async () => {
    const url = await server.freshDatabase();
    const state = await openPostgresFleetState(url);
    await enrolAll(state, 'a', 'b');
    await state.storeReports('a', [report(1)], anyReport, 2);
    const row = `select * from sighting where device = (select number from device where id = 'a') for update`;
    const release = await server.holding(url, row);
    const held = state.answerCheck(arrival('a', 5), () => nothing);
    // In the group of the one that waits.
    expect((await state.answerCheck(arrival('b', 5), () => nothing)).kind).toBe('none');
    await release();
    expect((await held).kind).toBe('none');
    await state.close();
  });

  it('two replicas at once count a device that runs the release already once', async () => {
    const url = await server.freshDatabase();
    const replicas = [await openPostgresFleetState(url), await openPostgresFleetState(url)] as const;
    const ids = Array.from({ length: 30 }, (_, i) => `gate-${i}`);
    await enrolAll(replicas[0], ...ids);
    await replicas[0].applyTransition(key, openWave(0, 1, 30), 1, 'rollouts');
    const find = (state: FleetState, id: string, at: number) =>
      state.answerCheck(
        arrival(id, at),
        () => nothing,
        ({ attempts }) => (attempts.length === 0 ? [finding()] : []),
      );
    await Promise.all([5, 6].flatMap((at) => ids.flatMap((id) => replicas.map((state) => find(state, id, at)))));
    for (const state of replicas) {
      expect(await state.countWaves(key, counting([1], 7, 60))).toMatchObject([
        { members: 30, committed: 30, pending: 0 },
      ]);
    }
    await Promise.all(replicas.map((state) => state.close()));
  });

  it('two replicas at once open no wave twice, count exactly, and offer one server of a cluster at a time', async () => {
    const url = await server.freshDatabase();
    const replicas = [await openPostgresFleetState(url), await openPostgresFleetState(url)] as const;
    const ids = Array.from({ length: 40 }, (_, i) => `gate-${i}`);
    await enrolAll(replicas[0], ...ids);
    const both = <T>(ask: (state: FleetState) => Promise<T>) => Promise.all(replicas.map(ask));
    const opened: boolean[] = [];
    for (const index of [0, 1, 2]) {
      opened.push(...(await both((state) => state.applyTransition(key, openWave(index), index + 1, 'rollouts'))));
    }
    expect(opened.filter((done) => done)).toHaveLength(3);
    expect((await replicas[1].loadCampaigns())[0]?.openedWaves).toHaveLength(3);
    expect(await replicas[0].listEvents(0, 9)).toHaveLength(3);

    // Four devices a cluster; each replica answers every device, in another order.
    const cluster = (id: string) => `c-${Number(id.split('-')[1]) % 10}`;
    const question = (id: string) => ({ cluster: cluster(id), wantsPeers: true });
    await Promise.all(ids.map((id) => replicas[0].answerCheck(arrival(id, 5, question(id)), () => nothing)));
    const ask = (state: FleetState, id: string) =>
      state.answerCheck(arrival(id, 6, question(id)), ({ peers, attempts }) =>
        attempts.length > 0 || peers.some(({ isUpdating }) => isUpdating) ? nothing : offer(),
      );
    const answers = await Promise.all([
      ...ids.map((id) => ask(replicas[0], id)),
      ...[...ids].reverse().map((id) => ask(replicas[1], id)),
    ]);
    expect(answers.filter(({ kind }) => kind === 'update')).toHaveLength(10);
    expect(await both((state) => state.countWaves(key, counting([1], 7, 60)))).toMatchObject([
      [{ pending: 10 }],
      [{ pending: 10 }],
    ]);

    // Every report to both.
    await Promise.all(ids.map((id) => replicas[0].answerCheck(arrival(id, 7, question(id)), () => offer())));
    await both((state) =>
      Promise.all(ids.map((id) => state.storeReports(id, [report(1, { outcome: 'committed' })], anyReport, 8))),
    );
    expect(await replicas[0].countWaves(key, counting([1], 9, 60))).toMatchObject([{ committed: 40, pending: 0 }]);

    // A pause at one is in force at the other's next check.
    expect(await replicas[0].applyTransition(key, { kind: 'pause', reason: 'Wait.' }, 9, 'token 1')).toBe(true);
    await replicas[1].answerCheck(arrival('gate-1', 10), ({ campaign }) => {
      expect(campaign(key.rollout, key.version)?.status).toBe('paused');
      return nothing;
    });
    await both((state) => state.close());
  });

  it('refuses a token on every replica by the next request', async () => {
    const url = await server.freshDatabase();
    const [one, other] = [await openPostgresFleetState(url), await openPostgresFleetState(url)];
    await enrolAll(one, 'a');
    const [token] = (await other.listTokens({ limit: 100 })).filter(({ deviceId }) => deviceId === 'a');
    expect((await other.findToken(token?.hash ?? ('' as never)))?.revokedAt).toBeUndefined();
    await one.revokeDevice('a', 7);
    expect((await other.findToken(token?.hash ?? ('' as never)))?.revokedAt).toBe(7);
    await Promise.all([one.close(), other.close()]);
  });

  it('nobody changes or removes an event at the database itself', async () => {
    const url = await server.freshDatabase();
    const state = await openPostgresFleetState(url);
    await state.appendEvent({ at: 5, actor: 'test', kind: 'tested', reason: 'x' });
    for (const statement of [
      `update event set reason = 'y'`,
      'delete from event',
      'truncate event',
      'delete from event_retention',
      'update event_retention set keep_from = -1',
    ]) {
      await expect(server.query(url, statement), statement).rejects.toThrow(/append-only|never goes back/);
    }
    expect(await state.listEvents(0, 9)).toHaveLength(1);
    await state.close();
  });
});

it('never shows the password of a database that cannot be reached', async () => {
  const password = 'hunter2-secret';
  const refused = await openPostgresFleetState(`postgres://slipway:${password}@127.0.0.1:9/fleet`).catch((e) => e);
  expect(refused).toMatchObject({ code: 'database-unavailable' });
  expect(`${refused.message} ${refused.hint} ${refused.stack} ${JSON.stringify(refused.cause)}`).not.toContain(
    password,
  );
});
