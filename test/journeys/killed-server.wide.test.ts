/** Devices report to a server over PostgreSQL that is killed, and the database with it: what was acknowledged is there. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openPostgresFleetState } from '../../distributor/adapters/database/postgres/fleet-state.ts';
import { RunningProgram } from '../../infra/demo/programs.ts';
import { report } from '../fakes/fleet-facts.ts';
import { idleDevice } from '../fakes/small-fleet.ts';
import { sampled } from '../sampling.ts';
import { type PostgresService, postgresService } from '../services/postgres.ts';
import { PostgresServer } from '../services/postgres-server.ts';
import { describeUnless } from '../services/requirement.ts';
import { listening, mustCallDistributor, publishShop } from './small-shop.ts';

const service = postgresService();
const devices = 30;
const keptReports = 100_000;
/** Of all devices together, before each kill. */
const reportsBetween = 300;

interface Device {
  readonly id: string;
  readonly token: string;
  /** The highest sequence that was sent, and that was acknowledged. */
  sent: number;
  acknowledged: number;
}

describeUnless('unavailable' in service ? service.unavailable : undefined, 'a server over PostgreSQL', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'slipway-killed-server-'));
  const store = `file://${path.join(folder, 'store')}`;
  const fleet: Device[] = [];
  let database: PostgresServer;
  let state: string;
  let server: RunningProgram;
  let url = '';

  async function start(): Promise<void> {
    server = new RunningProgram('slipway-distributor', [
      ...['serve', '--store', store, '--rollouts', path.join(folder, 'rollouts'), '--database', state],
      ...['--listen', '127.0.0.1:0', '--json', '--log-level', 'error', '--keep-reports', String(keptReports)],
      ...['--check-limit', '1000000', '--enrol-limit', '100000'],
    ]);
    url = await listening(server);
  }

  async function ask(what: string, token: string, body: object): Promise<Response> {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    return fetch(`${url}${what}`, { method: 'POST', headers, body: JSON.stringify(body) });
  }

  /** Reports one after the other, again where nobody answered, until it is told to end. */
  async function tell(device: Device, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      device.sent = device.acknowledged + 1;
      const { rollout: _none, ...one } = report(device.sent, { phase: 'downloading' });
      const answer = await ask(`/v1/devices/${device.id}/reports`, device.token, { schemaVersion: 1, reports: [one] })
        .then(async (response) =>
          response.ok ? ((await response.json()) as { acknowledgedThrough: number }) : undefined,
        )
        .catch(() => undefined);
      if (answer) device.acknowledged = answer.acknowledgedThrough;
      else await pause(20);
    }
  }

  beforeAll(async () => {
    database = await PostgresServer.start(service as PostgresService);
    state = await database.freshDatabase();
    await publishShop(folder, store);
    await start();
    const create = ['enrolment-token', 'create', '--uses', String(devices), '--database', state];
    const made = await mustCallDistributor<{ token: string }>(...create);
    for (let index = 0; index < devices; index++) {
      const id = `device-${index}`;
      const { platform, labels } = idleDevice;
      const device = { schemaVersion: 1, deviceId: id, product: 'shop', platform, labels };
      const answer = await ask('/v1/enrol', made.token, device);
      expect(answer.status).toBe(201);
      const { deviceToken } = (await answer.json()) as { deviceToken: string };
      fleet.push({ id, token: deviceToken, sent: 0, acknowledged: 0 });
    }
  });

  afterAll(async () => {
    await server?.stop('SIGKILL');
    await database?.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  const total = () => fleet.reduce((sum, { acknowledged }) => sum + acknowledged, 0);

  it.each(
    sampled(['the server', 'the database', 'the server again'], 2),
  )('loses no acknowledged report when %s is killed in the middle', async (killed) => {
    const ending = new AbortController();
    const telling = Promise.all(fleet.map((device) => tell(device, ending.signal)));
    const goal = total() + reportsBetween;
    await expect.poll(total, { timeout: 60_000, interval: 5 }).toBeGreaterThan(goal);
    if (killed === 'the database') {
      await database.pause('SIGQUIT');
      ending.abort();
      await telling;
      await database.resume();
    } else {
      await server.stop('SIGKILL');
      ending.abort();
      await telling;
      await start();
    }
    const stored = await openPostgresFleetState(state);
    for (const { id, acknowledged, sent } of fleet) {
      const kept = (await stored.listReports(id, keptReports)).map(({ sequence }) => sequence);
      expect(kept.length).toBeGreaterThanOrEqual(acknowledged);
      expect(kept.length).toBeLessThanOrEqual(sent);
      expect(kept).toEqual(Array.from({ length: kept.length }, (_, index) => kept.length - index));
      expect((await stored.findDevice(id))?.acknowledgedThrough).toBe(kept.length);
    }
    await stored.close();
  }, 120_000);
});
