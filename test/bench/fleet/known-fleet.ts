/**
 * A fleet of any size that the state knows from a check of every device, made by a few SQL statements: as measuring and
 * testing large fleets needs it, without a request a device.
 */
import path from 'node:path';
import Database from 'better-sqlite3';
import pg from 'pg';
import { openPostgresFleetState } from '../../../distributor/adapters/database/postgres/fleet-state.ts';
import { openSqliteFleetState } from '../../../distributor/adapters/database/sqlite/fleet-state.ts';
import { hashToken } from '../../../distributor/fleet/access/token.ts';
import { checkOf, deviceName } from '../rollout/fleet-on-disk.ts';

/** The same whenever it is asked for: these fleets keep no secret. */
export function tokenOf(index: number): string {
  return `slp_device_${String(index).padStart(43, '0')}`;
}

/** Lines of `id token`. */
export function tokenLines(devices: number): string[] {
  return Array.from({ length: devices }, (_, index) => `${deviceName(index)} ${tokenOf(index)}`);
}

const { product, platform, updaterVersion, current, counterFloor, phase } = checkOf(0);
const texts = (...words: (string | undefined)[]) => words.map((word) => `'${word}'`).join(', ');

/** What both databases understand, over a table `n` of numbers. */
const inserts = (at: number, words: { readonly name: string; readonly labels: string; readonly hash: string }) => [
  `insert into device (number, id, product, platform, labels, status, enrolled_at, enrolled_by, role,
      updater_version, current_version, current_counter, current_sha256, counter_floor, phase, acknowledged_through)
    select n.i + 1, ${words.name}, ${texts(product, platform)}, ${words.labels}, 'accepted', ${at}, 'none', 'server',
      ${texts(updaterVersion, current?.version)}, ${current?.counter}, '${current?.manifestSha256}', ${counterFloor},
      '${phase}', 0 from n`,
  `insert into sighting (device, at) select n.i + 1, ${at} from n`,
  `insert into token (id, hash, purpose, scopes, device_id, created_at)
    select 'token-' || n.i, ${words.hash}, 'device', '[]', ${words.name}, ${at} from n`,
];

/** Of the devices with these numbers; see checkOf. */
const labelsOf = (region: string, site: string) =>
  `'{"region":"' || ${region} || '","slipway.io/site":"site-' || ${site} || '"}'`;

/** @param folder of a state that may hold nothing yet */
export async function fillSqlite(folder: string, devices: number, at: number): Promise<void> {
  await (await openSqliteFleetState(folder)).close();
  const db = new Database(path.join(folder, 'fleet.sqlite'));
  for (const setting of ['synchronous = OFF', 'journal_mode = MEMORY', 'cache_size = -1000000']) db.pragma(setting);
  db.function('hash_of', (index) => hashToken(tokenOf(Number(index))));
  const numbers = `with recursive n (i) as (select 0 union all select i + 1 from n where i < ${devices - 1})`;
  const words = {
    name: `printf('device-%06d', n.i)`,
    labels: labelsOf(`iif(n.i % 2 = 0, 'north', 'south')`, '(n.i / 3)'),
    hash: 'hash_of(n.i)',
  };
  db.exec('begin');
  for (const statement of inserts(at, words)) {
    db.exec(statement.replace(' from n', ` from (${numbers} select i from n) as n`));
  }
  db.exec('commit');
  db.pragma('journal_mode = WAL');
  db.close();
}

/** @param url of a database that may be empty */
export async function fillPostgres(url: string, devices: number, at: number): Promise<void> {
  await (await openPostgresFleetState(url)).close();
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const words = {
    name: `'device-' || lpad(n.i::text, 6, '0')`,
    labels: labelsOf(`case when n.i % 2 = 0 then 'north' else 'south' end`, '(n.i / 3)'),
    hash: `encode(sha256(convert_to('slp_device_' || lpad(n.i::text, 43, '0'), 'UTF8')), 'hex')`,
  };
  for (const statement of inserts(at, words)) {
    await client.query(statement.replace(' from n', ` from generate_series(0, ${devices - 1}) as n (i)`));
  }
  await client.query('analyze');
  await client.end();
}
