/** Two replicas over one PostgreSQL, with devices that poll both: one is killed mid-wave, and the database restarts. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RunningProgram, runCommand } from '../../infra/demo/programs.ts';
import { PollingDevice } from '../fakes/polling-device.ts';
import { type PostgresService, postgresService } from '../services/postgres.ts';
import { PostgresServer } from '../services/postgres-server.ts';
import { describeUnless } from '../services/requirement.ts';
import { listening, mustCallDistributor, platform, publishShop, publishShopRelease } from './small-shop.ts';

const service = postgresService();
const devices = 60;
const waves = [
  { name: 'canary', percent: 20, soak: '2s' },
  { name: 'half', percent: 50, soak: '2s' },
  { name: 'all', percent: 100 },
];
const patienceMs = 90_000;

interface RolloutAnswer {
  readonly rollouts: readonly [
    {
      readonly status: string;
      readonly waves: readonly { name: string; members: number; committed: number; failed: number }[];
    },
  ];
}

describeUnless('unavailable' in service ? service.unavailable : undefined, 'two replicas over one PostgreSQL', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'slipway-replicas-'));
  const store = `file://${path.join(folder, 'store')}`;
  const fleet: PollingDevice[] = [];
  const replicas: RunningProgram[] = [];
  let urls: string[] = [];
  let database: PostgresServer;
  let state: string[];

  async function startReplica(): Promise<{ program: RunningProgram; url: string }> {
    const program = new RunningProgram('slipway-distributor', [
      ...['serve', '--store', store, '--rollouts', path.join(folder, 'rollouts'), ...state],
      ...[
        '--listen',
        '127.0.0.1:0',
        '--json',
        '--log-level',
        'error',
        '--check-limit',
        '6000',
        '--enrol-limit',
        '6000',
      ],
    ]);
    replicas.push(program);
    return { program, url: await listening(program) };
  }

  const show = () => mustCallDistributor<RolloutAnswer>('rollout', 'show', 'shop-2', ...state);

  beforeAll(async () => {
    database = await PostgresServer.start(service as PostgresService);
    state = ['--database', await database.freshDatabase()];
    await publishShop(folder, store);
    const first = { version: '1.0.0', counter: 1, manifestSha256: 'a'.repeat(64) };
    const manifests = { '2.0.0': await publishShopRelease(folder, store, '2.0.0', 2) };
    const spec = { product: 'shop', release: '2.0.0', waves };
    // Devices enrol before anything is rolled out, so that the waves are drawn over all of them.
    writeFileSync(path.join(folder, 'rollouts', 'shop.yaml'), '');
    urls = [(await startReplica()).url, (await startReplica()).url];
    const create = ['enrolment-token', 'create', '--uses', String(devices), ...state];
    const { token } = await mustCallDistributor<{ token: string }>(...create);
    for (let index = 0; index < devices; index++) {
      const options = { product: 'shop', platform, labels: {}, installed: first, manifests } as const;
      fleet.push(new PollingDevice({ ...options, id: `shop-${100 + index}`, servers: () => urls }));
    }
    for (const device of fleet) await device.enrol(token);
    const rollout = { apiVersion: 'slipway/v1', kind: 'Rollout', metadata: { name: 'shop-2' }, spec };
    writeFileSync(path.join(folder, 'rollouts', 'shop.yaml'), JSON.stringify(rollout));
  });

  afterAll(async () => {
    for (const program of replicas) await program.stop('SIGKILL');
    await database?.remove();
  });

  it('lose no count and open no wave twice when one is killed and the database restarts in the middle', async () => {
    const signal = AbortSignal.timeout(patienceMs);
    const running = Promise.all(fleet.map((device) => device.runUntil('2.0.0', signal)));
    const updated = () => fleet.filter((device) => device.version === '2.0.0').length;
    const reach = async (count: number) => {
      while (updated() < count && !signal.aborted) await pause(20);
    };
    await reach(5);
    await replicas[0]?.stop('SIGKILL');
    await reach(20);
    await database.pause('SIGQUIT');
    await pause(1000);
    await database.resume();
    urls = [(await startReplica()).url, urls[1] ?? ''];
    await running;
    expect(updated()).toBe(devices);
    let shown = await show();
    while (shown.rollouts[0].status !== 'completed' && !signal.aborted) {
      await pause(200);
      shown = await show();
    }
    const [rollout] = shown.rollouts;
    expect(rollout.status).toBe('completed');
    expect(rollout.waves.map(({ name, members, committed, failed }) => ({ name, members, committed, failed }))).toEqual(
      [
        { name: 'canary', members: 12, committed: 12, failed: 0 },
        { name: 'half', members: 18, committed: 18, failed: 0 },
        { name: 'all', members: 30, committed: 30, failed: 0 },
      ],
    );
    expect(fleet.map((device) => device.followed.length)).toEqual(Array(devices).fill(1));
    expect(fleet.reduce((sum, device) => sum + device.unanswered, 0)).toBeGreaterThan(0);
  }, 150_000);

  it('have one entry for each wave in the audit log', async () => {
    const { stdout } = await runCommand('slipway-distributor', ['events', '--kind', 'wave-opened', '--json', ...state]);
    const events = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { facts?: Record<string, string> });
    expect(events.map(({ facts }) => facts?.wave)).toEqual(['canary', 'half', 'all']);
  });
});
