/** Replicas over one PostgreSQL with the real pgbouncer in between: sessions are shared, and nobody may rely on one. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPostgresFleetState } from '../../distributor/adapters/database/postgres/fleet-state.ts';
import type { FleetState } from '../../distributor/fleet/ports.ts';
import { anyReport, arrival, counting, enrolAll, key, nothing, offer, openWave, report } from '../fakes/fleet-facts.ts';
import { Pooler, whyNoPooler } from '../services/pooler.ts';
import { postgresService } from '../services/postgres.ts';
import { PostgresServer } from '../services/postgres-server.ts';
import { describeUnless } from '../services/requirement.ts';

const service = postgresService();
const devices = Array.from({ length: 60 }, (_, index) => `device-${index}`);

describeUnless('unavailable' in service ? service.unavailable : whyNoPooler, 'a pooler in front of PostgreSQL', () => {
  if ('unavailable' in service) return;
  let server: PostgresServer;
  beforeAll(async () => {
    server = await PostgresServer.start(service);
    return () => server.remove();
  });
  const locks = async (url: string) => server.query(url, `select * from pg_locks where locktype = 'advisory'`);

  // In transaction mode three sessions are shared by all; in session mode each connection needs one.
  describe.each([
    ['transaction', 3],
    ['session', 40],
  ] as const)('in %s mode', (mode, sessions) => {
    let pooler: Pooler;
    let url: string;
    let replicas: FleetState[];
    beforeAll(async () => {
      pooler = await Pooler.start(server, mode, sessions);
      url = await server.freshDatabase();
      // All at once: one of them makes the tables, the others wait for it.
      replicas = await Promise.all([1, 2, 3].map(() => openPostgresFleetState(pooler.through(url))));
    });
    afterAll(async () => {
      await Promise.all((replicas ?? []).map((replica) => replica.close()));
      await pooler?.remove();
    });

    it('one replica leads at a time, the same as long as it is there, and the next one when it ends', async () => {
      const [first, second, third] = replicas as [FleetState, FleetState, FleetState];
      expect(await first.asLeader(async () => 1)).toBe(1);
      for (let look = 0; look < 20; look++) {
        const led = await Promise.all([third, second, first].map((state) => state.asLeader(async () => 'leads')));
        expect(led).toEqual([undefined, undefined, 'leads']);
      }
      await first.close();
      replicas = [second, third];
      expect(await second.asLeader(async () => 2)).toBe(2);
      expect(await third.asLeader(async () => 3)).toBeUndefined();
    });

    it('checks and reports that come to two replicas at once are counted once each, and no lock stays', async () => {
      const [one, other] = replicas as [FleetState, FleetState];
      await enrolAll(one, ...devices);
      await one.applyTransition(key, openWave(0, 1, devices.length), 1, 'rollouts');
      const at = (index: number) => (index % 2 === 0 ? one : other);
      const answered = await Promise.all(
        devices.map((id, index) => at(index).answerCheck(arrival(id, 5, { site: `s${index % 7}` }), () => offer())),
      );
      expect(answered.every(({ kind }) => kind === 'update')).toBe(true);
      const outcome = { outcome: 'committed', transfer: { bytesOnWire: 10, fullBytes: 20, resumedFrom: 0 } } as const;
      await Promise.all(devices.map((id, index) => at(index + 1).storeReports(id, [report(1, outcome)], anyReport, 6)));
      expect(await other.countWaves(key, counting([1], 7, 60))).toMatchObject([{ committed: devices.length }]);
      expect((await one.answerCheck(arrival('device-1', 8), () => nothing)).kind).toBe('none');
      expect(await locks(url)).toEqual([]);
    });
  });

  it('in statement mode, which takes no transaction, is refused at the start with what is needed', async () => {
    const pooler = await Pooler.start(server, 'statement', 3);
    const opening = openPostgresFleetState(pooler.through(await server.freshDatabase()));
    const error = await opening.then(
      () => undefined,
      (problem) => problem,
    );
    expect(error).toMatchObject({
      code: 'database-unavailable',
      hint: expect.stringContaining('transaction or session mode'),
    });
    await pooler.remove();
  });
});
