import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openSqliteFleetState } from '../../../distributor/adapters/sqlite-fleet-state.ts';
import { idleDevice, SmallFleet } from '../../fakes/small-fleet.ts';
import { fleetStateSuite } from '../../port-suites/fleet-state.ts';

let folder: string;
let opened = 0;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'fleet-state-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

fleetStateSuite('SQLite', () => openSqliteFleetState(path.join(folder, String(opened++))));

it('a file that is no database has its code', async () => {
  const place = path.join(folder, 'broken');
  const state = await openSqliteFleetState(place);
  await state.close();
  await writeFile(
    path.join(place, 'fleet.sqlite'),
    'this is no database at all, but long enough to look like a header',
  );
  await expect(openSqliteFleetState(place)).rejects.toMatchObject({ code: 'database-unavailable' });
});

it('a database that goes away is answered 503, for the device to try again', async () => {
  await using small = await SmallFleet.open();
  const token = await small.enrol('gate-1');
  await small.fleet.close();
  const answer = await small.ask('POST', '/v1/devices/gate-1/check', token, idleDevice);
  expect([answer.statusCode, answer.json().code]).toEqual([503, 'database-unavailable']);
  expect(answer.headers['retry-after']).toBe('30');
  expect((await small.ask('GET', '/readyz')).json()).toMatchObject({ ready: false, database: 'unavailable' });
});
