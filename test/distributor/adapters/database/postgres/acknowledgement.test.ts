/**
 * Nothing is acknowledged before its commit: the database is made to wait in every commit, as one does whose standby is
 * away, and nobody may be told meanwhile that something was recorded.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { openPostgresFleetState } from '../../../../../distributor/adapters/database/postgres/fleet-state.ts';
import { anyReport, arrival, enrolAll, key, offer, openWave, report } from '../../../../fakes/fleet-facts.ts';
import { postgresService } from '../../../../services/postgres.ts';
import { PostgresServer } from '../../../../services/postgres-server.ts';
import { describeUnless } from '../../../../services/requirement.ts';

const service = postgresService();
/** Far longer than a commit takes. */
const watchedMs = 700;

describeUnless('unavailable' in service ? service.unavailable : undefined, 'a commit that waits', () => {
  it('keeps everybody waiting whom it is for, and lets them go when it is done', async () => {
    if ('unavailable' in service) return;
    const server = await PostgresServer.start(service);
    try {
      const url = await server.freshDatabase();
      const state = await openPostgresFleetState(url);
      await enrolAll(state, 'a', 'b', 'c');
      await setStandby(server, url, 'away');

      const told: string[] = [];
      const note = (what: string, work: Promise<unknown>) => work.then(() => told.push(what));
      const all = [
        note('a report', state.storeReports('a', [report(1)], anyReport, 2)),
        note(
          'a check',
          state.answerCheck(arrival('b', 3), () => offer()),
        ),
        note('a step', state.applyTransition(key, openWave(0), 4, 'rollouts')),
        note('a revocation', state.revokeDevice('c', 5)),
      ];
      await pause(watchedMs);
      expect(told).toEqual([]);

      await setStandby(server, url, '');
      await Promise.all(all);
      expect(await state.findDevice('a')).toMatchObject({ acknowledgedThrough: 1 });
      await state.close();
    } finally {
      await server.remove();
    }
  });
});

async function setStandby(server: PostgresServer, url: string, name: string): Promise<void> {
  await server.query(url, `alter system set synchronous_standby_names = '${name}'`);
  await server.query(url, 'select pg_reload_conf()');
  const shown = async () => (await server.query(url, 'show synchronous_standby_names'))[0]?.synchronous_standby_names;
  await expect.poll(shown).toBe(name);
}
