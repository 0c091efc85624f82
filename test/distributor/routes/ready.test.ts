/** When a server says that it is ready, and when that would be a lie. */
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { copyFile, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import { expect, it } from 'vitest';
import { buildApp } from '../../../distributor/app.ts';
import { smallRelease } from '../../fakes/signed-repository.ts';
import { idleDevice, SmallFleet } from '../../fakes/small-fleet.ts';
import { describeUnless } from '../../services/requirement.ts';

async function readiness(small: SmallFleet) {
  await small.pass(2);
  const answer = await small.ask('GET', '/readyz');
  return [answer.statusCode, answer.json()];
}

it.each<[string, (file: string) => Promise<unknown>]>([
  ['is removed', (file) => rename(file, `${file}.away`)],
  ['is replaced by a copy', (file) => copyFile(file, `${file}.b`).then(() => rename(`${file}.b`, file))],
  ['loses its folder', (file) => rm(path.dirname(file), { recursive: true })],
])('a server whose state %s under it is not ready', async (_name, damage) => {
  await using small = await SmallFleet.open();
  await small.publish(smallRelease('1.0.0', 1));
  expect(await readiness(small)).toMatchObject([200, { ready: true, started: true, database: 'ok' }]);
  await damage(path.join(small.folder, 'state', 'fleet.sqlite'));
  expect(await readiness(small)).toMatchObject([
    503,
    { ready: false, database: 'unavailable', databaseCode: 'database-unavailable' },
  ]);
});

it('a server that has just begun to listen gives bytes and no decision', async () => {
  await using small = await SmallFleet.open();
  const token = await small.enrol('gate-1');
  let isStarted = false;
  const app = await buildApp(
    { ...small.services, isStarted: () => isStarted },
    {
      logger: pino({ level: 'silent' }),
      tls: undefined,
      trustProxy: false,
      maxConnections: 1000,
      newRequestId: randomUUID,
      showsMetrics: true,
    },
  );
  const ask = async (method: 'GET' | 'POST', url: string) => {
    const headers = { authorization: `Bearer ${token}` };
    const answer = await app.inject({ method, url, headers, ...(method === 'POST' ? { payload: idleDevice } : {}) });
    return [answer.statusCode, answer.headers['retry-after'], answer.headers['content-type'] && answer.json().code];
  };
  expect(await ask('POST', '/v1/devices/gate-1/check')).toEqual([503, '5', 'starting']);
  expect(await ask('GET', '/v1/rollouts')).toEqual([503, '5', 'starting']);
  expect((await ask('GET', '/readyz'))[0]).toBe(503);
  expect((await ask('GET', '/v1/metadata/timestamp.json'))[0]).toBe(200);
  expect((await ask('GET', '/healthz'))[0]).toBe(200);
  isStarted = true;
  expect((await ask('POST', '/v1/devices/gate-1/check'))[0]).toBe(200);
  await app.close();
});

it('many who ask at once cost the database one look', async () => {
  await using small = await SmallFleet.open();
  let looks = 0;
  const { ping } = small.fleet;
  small.fleet.ping = () => {
    looks++;
    return ping();
  };
  await Promise.all(Array.from({ length: 50 }, () => small.ask('GET', '/readyz')));
  expect(looks).toBe(1);
});

const root = path.join(import.meta.dirname, '..', '..', '..');
const canMount = spawnSync('unshare', ['-rm', 'true']).status === 0;

const script = (folder: string) => `
  import { rmSync, statfsSync, writeFileSync } from 'node:fs';
  import { openSqliteFleetState } from '${root}/distributor/adapters/database/sqlite/fleet-state.ts';
  const state = await openSqliteFleetState('${folder}/state');
  const look = () => state.ping().then(() => 'ready', ({ code }) => code);
  const before = await look();
  const { bavail, bsize } = statfsSync('${folder}');
  writeFileSync('${folder}/fill', Buffer.alloc(bavail * bsize - 65536));
  const full = await look();
  rmSync('${folder}/fill');
  console.log(JSON.stringify({ before, full, after: await look() }));
`;

describeUnless(
  canMount ? undefined : 'mount namespaces (unshare -rm) are refused here',
  'a state on a disk that is full',
  () => {
    it('is not ready until there is room again', async () => {
      const folder = await mkdtemp(path.join(tmpdir(), 'full-state-'));
      const file = `${folder}.ts`;
      await writeFile(file, script(folder));
      const command = `mount -t tmpfs -o size=16m tmpfs "${folder}" && exec "${process.execPath}" "${file}"`;
      const { stdout, stderr } = spawnSync('unshare', ['-rm', 'sh', '-c', command], { encoding: 'utf8' });
      await Promise.all([rm(folder, { recursive: true, force: true }), rm(file)]);
      expect(JSON.parse(stdout || JSON.stringify({ stderr }))).toEqual({
        before: 'ready',
        full: 'disk-full',
        after: 'ready',
      });
    });
  },
);
