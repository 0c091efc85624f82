/** A database that goes away while devices ask: they are told to come back, and nothing that was acknowledged is lost. */
import { beforeAll, expect, it } from 'vitest';
import { openPostgresFleetState } from '../../distributor/adapters/database/postgres/fleet-state.ts';
import { smallRelease } from '../fakes/signed-repository.ts';
import { idleDevice, SmallFleet } from '../fakes/small-fleet.ts';
import { postgresService } from '../services/postgres.ts';
import { PostgresServer } from '../services/postgres-server.ts';
import { describeUnless } from '../services/requirement.ts';

const service = postgresService();
const sequences = Array.from({ length: 30 }, (_, i) => i + 1);

describeUnless('unavailable' in service ? service.unavailable : undefined, 'a database that goes away', () => {
  if ('unavailable' in service) return;
  let server: PostgresServer;
  beforeAll(async () => {
    server = await PostgresServer.start(service);
    return () => server.remove();
  });

  it('is answered 503 with a time to come back, loses no report, and is served again when it is back', async () => {
    const url = await server.freshDatabase();
    await using small = await SmallFleet.open({ state: () => openPostgresFleetState(url, { keptReports: 100 }) });
    await small.publish(smallRelease('2.0.0', 2));
    const [a, b] = [await small.enrol('a'), await small.enrol('b')];
    await small.declare('r', { release: '2.0.0', waves: [{ name: 'all', percent: 100 }] });
    expect(await small.check('a', a)).toMatchObject({ decision: 'update' });

    const tell = (sequence: number) =>
      small.report('a', a, { sequence, rollout: 'r', ...(sequence === 30 ? { outcome: 'committed' } : {}) });
    for (const sequence of sequences.slice(0, 10)) expect((await tell(sequence)).statusCode).toBe(200);
    const underWay = sequences.slice(10).map(tell);
    await server.pause('SIGQUIT');
    const acknowledged = sequences.slice(0, 10);
    for (const [index, answer] of (await Promise.all(underWay)).entries()) {
      if (answer.statusCode === 200) acknowledged.push(11 + index);
      else expect([answer.statusCode, answer.json().code]).toEqual([503, 'database-unavailable']);
    }
    const operator = `slp_operator_${'x'.repeat(43)}`;
    const away = [
      await small.ask('POST', '/v1/devices/b/check', b, idleDevice),
      await small.report('b', b, { outcome: 'committed' }),
      await small.ask('GET', '/v1/devices', operator),
    ];
    for (const answer of away) {
      expect([answer.statusCode, answer.json().code]).toEqual([503, 'database-unavailable']);
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    }
    expect((await small.ask('GET', '/healthz')).statusCode).toBe(200);
    expect((await small.ask('GET', '/readyz')).statusCode).toBe(503);

    await server.resume();
    const kept = (await small.fleet.listReports('a', 100)).map(({ sequence }) => sequence);
    expect(kept).toEqual(expect.arrayContaining(acknowledged));
    // A device sends again what nobody acknowledged, and asks again.
    for (const sequence of sequences) expect((await tell(sequence)).statusCode).toBe(200);
    expect((await small.fleet.findDevice('a'))?.acknowledgedThrough).toBe(30);
    expect(await small.fleet.attemptsOf('a')).toMatchObject([{ outcome: 'committed' }]);
    expect(await small.check('b', b)).toMatchObject({ decision: 'update' });
    expect((await small.ask('GET', '/readyz')).statusCode).toBe(200);
  });
});
