import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openSqliteFleetState } from '../../../../../distributor/adapters/database/sqlite/fleet-state.ts';
import { mintToken } from '../../../../../distributor/fleet/access/token.ts';
import {
  anyReport,
  arrival,
  counting,
  enrolAll,
  key,
  nothing,
  offer,
  openWave,
  report,
} from '../../../../fakes/fleet-facts.ts';
import { campaignStoreSuite } from '../../../../port-suites/campaign-store.ts';
import { fleetStateSuite } from '../../../../port-suites/fleet-state.ts';

let folder: string;
let opened = 0;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'fleet-state-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));
const newPlace = () => path.join(folder, String(opened++));

fleetStateSuite('SQLite', () => openSqliteFleetState(newPlace()));
campaignStoreSuite('SQLite', () => openSqliteFleetState(newPlace()));

it.each<[string, (file: string) => Promise<unknown>]>([
  ['is empty', (file) => truncate(file, 0)],
  ['is cut in the middle of its header', (file) => truncate(file, 50)],
  ['has lost its last page', async (file) => truncate(file, (await stat(file)).size - 4096)],
  ['has its first page alone', (file) => truncate(file, 4096)],
  ['is no database', (file) => writeFile(file, 'no database, and long enough for a header. '.repeat(10))],
  [
    'is a database without a fleet',
    (file) => rm(file).then(() => new Database(file).exec('create table t (a)').close()),
  ],
  ['is gone and its journal is there', (file) => writeFile(`${file}-wal`, 'x').then(() => rm(file))],
])('a fleet whose file %s is damaged and not a new one', async (_name, damage) => {
  const place = newPlace();
  await (await openSqliteFleetState(place)).close();
  const file = path.join(place, 'fleet.sqlite');
  await damage(file);
  const before = existsSync(file) ? await readFile(file) : undefined;
  for (const mayMake of [true, false]) {
    await expect(openSqliteFleetState(place, { mayMake })).rejects.toMatchObject({ code: 'database-damaged' });
  }
  expect(existsSync(file) ? await readFile(file) : undefined).toEqual(before);
});

it('a fleet that was killed while it was made is made anew', async () => {
  const place = newPlace();
  await mkdir(place);
  await writeFile(path.join(place, 'fleet.sqlite.new'), 'half of it');
  await writeFile(path.join(place, 'fleet.sqlite.new-wal'), 'and of its journal');
  const state = await openSqliteFleetState(place);
  expect(await state.countDevices()).toBe(0);
  await state.close();
});

it('a fleet that was killed with writes in its journal is whole', async () => {
  const place = newPlace();
  const state = await openSqliteFleetState(place);
  await enrolAll(state, 'a');
  const copy = newPlace();
  await cp(place, copy, { recursive: true });
  const again = await openSqliteFleetState(copy);
  expect(await again.countDevices()).toBe(1);
  await again.close();
  await state.close();
});

/** Back to a database from before tokens were bound. */
const undoReach = 'drop table link_key; alter table token drop column reach';

/** Back to a database from before tokens and the server said who a device is. */
const undoIdentity = `
  ${undoReach};
  alter table token drop column bound;
  alter table device drop column given_labels;
  alter table device drop column public_key;
  alter table device drop column nonces;
  alter table device drop column watch`;

it('a database from before tokens were bound is brought up to date, and its tokens reach everything', async () => {
  const place = newPlace();
  const before = await openSqliteFleetState(place);
  const { record } = mintToken({ purpose: 'ci', scopes: ['devices:read'], now: 1, randomBytes });
  await before.saveToken(record);
  await before.close();
  const prompt = new Database(path.join(place, 'fleet.sqlite'));
  prompt.exec(`${undoReach}; delete from kysely_migration where name >= '0010'`);
  prompt.close();
  const state = await openSqliteFleetState(place);
  expect(await state.findToken(record.hash)).toEqual(record);
  await state.close();
});

it('a token that is bound has no scope for a replica of an earlier version, which knows no bounds', async () => {
  const place = newPlace();
  const state = await openSqliteFleetState(place);
  const reach = { products: ['k3s-edge'], groups: [], rollouts: [], readOnly: false };
  await state.saveToken(mintToken({ purpose: 'ci', scopes: ['devices:control'], reach, now: 1, randomBytes }).record);
  await state.close();
  const prompt = new Database(path.join(place, 'fleet.sqlite'));
  expect(prompt.prepare('select scopes from token').get()).toEqual({ scopes: '[]' });
  prompt.close();
});

it('a database from before tokens gave labels is brought up to date', async () => {
  const place = newPlace();
  const before = await openSqliteFleetState(place);
  await enrolAll(before, 'a');
  await before.close();
  const prompt = new Database(path.join(place, 'fleet.sqlite'));
  prompt.exec(`${undoIdentity}; delete from kysely_migration where name >= '0009'`);
  prompt.close();
  const state = await openSqliteFleetState(place);
  expect(await state.findProfile('a')).toMatchObject({ id: 'a', status: 'accepted', givenLabels: {} });
  const [token] = await state.listTokens({ limit: 1 });
  expect(token?.bound).toEqual({ labels: {}, products: [], groups: [] });
  await state.close();
});

it('a database from before devices told of their condition is brought up to date, and has their last reports', async () => {
  const place = newPlace();
  const before = await openSqliteFleetState(place);
  await enrolAll(before, 'a');
  await before.storeReports('a', [report(1), report(2, { outcome: 'failed', code: 'disk-full' })], anyReport, 5);
  await before.close();
  const prompt = new Database(path.join(place, 'fleet.sqlite'));
  prompt.exec(`
    ${undoIdentity};
    drop index device_trouble;
    alter table device drop column troubles;
    alter table device drop column trouble_codes;
    alter table device drop column box;
    alter table report drop column fault;
    alter table report drop column next_try_at;
    drop index token_created;
    alter table token drop column name;
    alter table token drop column created_by;
    alter table token drop column last_used_at;
    delete from kysely_migration where name >= '0005'`);
  prompt.close();
  const state = await openSqliteFleetState(place);
  const lastReport = report(2, { outcome: 'failed', code: 'disk-full' });
  expect(await state.findProfile('a')).toMatchObject({ lastReport, troubles: undefined });
  await state.close();
});

it('a database from before devices told of their box is brought up to date', async () => {
  const place = newPlace();
  const before = await openSqliteFleetState(place);
  await enrolAll(before, 'a');
  await before.close();
  const prompt = new Database(path.join(place, 'fleet.sqlite'));
  prompt.exec(`${undoIdentity}; alter table device drop column box; delete from kysely_migration where name >= '0008'`);
  prompt.close();
  const state = await openSqliteFleetState(place);
  expect(await state.findProfile('a')).toMatchObject({ id: 'a', box: undefined });
  await state.close();
});

it('tables that are brought up to date change all at once: what breaks off leaves them as they were', async () => {
  const place = newPlace();
  await (await openSqliteFleetState(place)).close();
  const database = new Database(path.join(place, 'fleet.sqlite'));
  // The last table is there already, so that the last migration of three fails.
  database.exec(`${undoIdentity}; delete from kysely_migration where name >= '0009'; create table link_key (id)`);
  const tables = () => database.prepare('select name, sql from sqlite_schema order by name').all();
  const before = tables();
  await expect(openSqliteFleetState(place)).rejects.toMatchObject({ code: 'database-unavailable' });
  expect(tables()).toEqual(before);
  database.exec('drop table link_key');
  database.close();
  await (await openSqliteFleetState(place)).close();
});

it('a pause by another process is in force at the next check', async () => {
  const place = newPlace();
  const server = await openSqliteFleetState(place);
  const commandLine = await openSqliteFleetState(place);
  await enrolAll(server, 'a');
  await server.applyTransition(key, openWave(0), 1, 'rollouts');
  const status = () =>
    server.answerCheck(arrival('a', 3), ({ campaign }) => {
      const state = campaign(key.rollout, key.version);
      return { ...nothing, facts: { status: state?.status ?? 'none' } };
    });
  expect((await status()).facts).toEqual({ status: 'active' });
  await commandLine.applyTransition(key, { kind: 'pause', reason: 'Wait.' }, 2, 'command line');
  expect((await status()).facts).toEqual({ status: 'paused' });
  await Promise.all([server.close(), commandLine.close()]);
});

it('checks that come together are one transaction, and one that fails takes none with it', async () => {
  const place = newPlace();
  const state = await openSqliteFleetState(place);
  const ids = Array.from({ length: 50 }, (_, i) => `gate-${i}`);
  await enrolAll(state, ...ids);
  const watcher = new Database(path.join(place, 'fleet.sqlite'), { readonly: true });
  const seen = new Set<number>();
  const dataVersion = () => watcher.pragma('data_version', { simple: true }) as number;
  const before = dataVersion();
  const answers = ids.map((id, i) =>
    state
      .answerCheck(arrival(id, 5), () => {
        if (i === 20) throw new RangeError('a defect');
        return offer();
      })
      .then(() => seen.add(dataVersion())),
  );
  const settled = await Promise.allSettled(answers);
  expect(settled.filter(({ status }) => status === 'rejected')).toHaveLength(1);
  expect([...seen]).toEqual([before + 1]);
  watcher.close();
  expect((await state.countWaves(key, counting([1], 6, 60)))[0]?.pending).toBe(49);
  await state.close();
});

it('a write that the disk refuses is told to all that shared it, and the next one is made', async () => {
  const place = newPlace();
  const state = await openSqliteFleetState(place);
  await enrolAll(state, 'a', 'b');
  const other = new Database(path.join(place, 'fleet.sqlite'));
  other.exec(`create trigger full before insert on attempt begin select raise(rollback, 'disk full'); end`);
  const answers = await Promise.allSettled([
    state.answerCheck(arrival('a', 5), () => nothing),
    state.answerCheck(arrival('b', 5), () => offer()),
  ]);
  expect(answers).toMatchObject([
    { reason: { code: 'database-unavailable', retryable: true } },
    { reason: { code: 'database-unavailable', retryable: true } },
  ]);
  other.exec('drop trigger full');
  other.close();
  await state.answerCheck(arrival('b', 6), () => offer());
  expect((await state.listDevices({ limit: 9 })).map(({ lastSeenAt }) => lastSeenAt)).toEqual([undefined, 6]);
  await state.close();
});

it('nobody changes or removes an event at the database itself', async () => {
  const place = newPlace();
  const state = await openSqliteFleetState(place);
  await state.appendEvent({ at: 5, actor: 'test', kind: 'tested', reason: 'x' });
  const prompt = new Database(path.join(place, 'fleet.sqlite'));
  for (const statement of [
    `update event set reason = 'y'`,
    'delete from event',
    'delete from event_retention',
    'update event_retention set keep_from = -1',
  ]) {
    expect(() => prompt.exec(statement), statement).toThrow(/append-only|never goes back|stays/);
  }
  prompt.close();
  expect(await state.listEvents(0, 9)).toHaveLength(1);
  await state.close();
});
