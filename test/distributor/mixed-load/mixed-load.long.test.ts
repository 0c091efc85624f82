/**
 * An hour in the life of two replicas over one PostgreSQL, with everything at once: devices check, download and report,
 * slow readers hold on to blobs, people look and follow the audit log, releases are published, plans change in Git,
 * some of them broken, the Git server goes away and comes back, and so does the database, cleanly and by a crash.
 * SLIPWAY_LOAD_MINUTES makes it shorter.
 */
import { createHash, randomInt } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Digest } from '../../../contract/digest.ts';
import { blobKey } from '../../../contract/store-keys.ts';
import { openPostgresFleetState } from '../../../distributor/adapters/database/postgres/fleet-state.ts';
import { RunningProgram, runJson } from '../../../infra/demo/programs.ts';
import { noise, seededNumbers } from '../../delta/vcdiff/file-pair.ts';
import { PollingDevice } from '../../fakes/polling-device.ts';
import { listening, publishShop, publishShopRelease } from '../../journeys/small-shop.ts';
import { missingCommands } from '../../services/commands.ts';
import { GitAuthor, GitServer } from '../../services/git-server.ts';
import { type PostgresService, postgresService } from '../../services/postgres.ts';
import { PostgresServer } from '../../services/postgres-server.ts';
import { describeUnless } from '../../services/requirement.ts';
import { Answers } from './answers.ts';
import { every } from './every.ts';
import { readSlowly } from './slow-reader.ts';
import { expectNoGrowth, Watch } from './watch.ts';

const service = postgresService();
const minutes = Number(process.env.SLIPWAY_LOAD_MINUTES ?? 60);
const platform = process.arch === 'arm64' ? 'linux/arm64' : 'linux/amd64';
const devices = 80;
const slowReaders = 60;
const followers = 4;
const devicePollMs = 2000;
const rangeBytes = 256 * 1024;
const secondsPerRelease = 60;
const gitAwaySeconds = { every: 100, for: 25 };
const databaseAwaySeconds = { every: 130, for: 6 };
const settleMs = 180_000;

const blob = noise(16 * 2 ** 20, seededNumbers(7));
const blobDigest = createHash('sha256').update(blob).digest('hex') as Digest;
const blobTarget = `/v1/blobs/sha256/${blobDigest}`;

function rolloutText(number: number): string {
  const waves = [
    { name: 'canary', percent: 10, soak: '3s' },
    { name: 'all', percent: 100 },
  ];
  const spec = { product: 'shop', release: versionOf(number), waves };
  return JSON.stringify({ apiVersion: 'slipway/v1', kind: 'Rollout', metadata: { name: `shop-${number}` }, spec });
}

function versionOf(number: number): string {
  return `${number}.0.0`;
}

const unavailable = 'unavailable' in service ? service.unavailable : missingCommands('git');

describeUnless(unavailable, 'everything at once, for an hour', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'slipway-mixed-load-'));
  const at = (...names: string[]) => path.join(folder, ...names);
  const store = `file://${at('store')}`;
  const ended = new AbortController();
  const answers = new Answers();
  const replicas: RunningProgram[] = [];
  const watches: Watch[] = [];
  const fleet: PollingDevice[] = [];
  const manifests: Record<string, string> = {};
  const urls: string[] = [];
  let database: PostgresServer;
  let databaseUrl: string;
  let gitServer: GitServer;
  let author: GitAuthor;
  let release = 1;

  const anyUrl = () => urls[randomInt(urls.length)] ?? '';

  async function startReplica(): Promise<void> {
    const git = ['--rollouts-git', gitServer.url, '--git-path', 'rollouts', '--git-poll', '2s'];
    const program = new RunningProgram('slipway-distributor', [
      ...['serve', '--store', store, '--database', databaseUrl, '--state', at(`state-${replicas.length}`), ...git],
      ...['--listen', '127.0.0.1:0', '--json', '--refresh', '2s', '--check-limit', '60000', '--enrol-limit', '60000'],
      ...['--keep-reports', '1000', '--log-level', 'error'],
    ]);
    const url = await listening(program);
    replicas.push(program);
    watches.push(new Watch(program, url));
    urls.push(url);
  }

  async function publishNext(): Promise<void> {
    const next = release + 1;
    manifests[versionOf(next)] = await publishShopRelease(folder, store, versionOf(next), next);
    release = next;
    answers.count('publish', 'ok');
  }

  async function pushPlan(text: string, subject: string): Promise<void> {
    for (let isPushed = false; !isPushed; ) {
      isPushed = await author.push(subject, { 'rollouts/shop.yaml': text }).then(
        () => true,
        () => false,
      );
      // The server is away: whoever writes the plan tries again, as a person does.
      if (!isPushed) await pause(2000);
    }
  }

  /** A range of the blob, proved byte by byte. */
  async function download(server: string): Promise<void> {
    const start = randomInt(blob.length - rangeBytes);
    const end = start + rangeBytes - 1;
    const answer = await fetch(`${server}${blobTarget}`, {
      headers: { range: `bytes=${start}-${end}` },
      signal: AbortSignal.timeout(60_000),
    });
    const bytes = Buffer.from(await answer.arrayBuffer());
    answers.count('range', answer.status);
    if (answer.status === 206) expect(bytes.equals(blob.subarray(start, end + 1))).toBe(true);
    else throw new Error(`a range was answered with ${answer.status}`);
  }

  beforeAll(async () => {
    database = await PostgresServer.start(service as PostgresService);
    databaseUrl = await database.freshDatabase();
    gitServer = await GitServer.start(at('served'));
    author = await GitAuthor.open(at('author'), gitServer.url);
    await publishShop(folder, store);
    const key = at('store', blobKey(blobDigest));
    mkdirSync(path.dirname(key), { recursive: true });
    writeFileSync(key, blob);
    await author.push('Nothing yet', { 'rollouts/README': 'plans' });
    await startReplica();
    await startReplica();
    const state = ['--database', databaseUrl];
    const { token } = await runJson<{ token: string }>('slipway-distributor', [
      ...['enrolment-token', 'create', '--uses', String(devices), ...state],
    ]);
    const installed = { version: versionOf(1), counter: 1, manifestSha256: 'a'.repeat(64) as Digest };
    for (let index = 0; index < devices; index++) {
      const options = { product: 'shop', platform, labels: {}, installed, manifests, download } as const;
      const device = new PollingDevice({
        ...{ ...options, id: `shop-${100 + index}`, servers: () => urls, pollMs: devicePollMs },
      });
      await device.enrol(token);
      fleet.push(device);
    }
  }, 300_000);

  afterAll(async () => {
    ended.abort();
    for (const program of replicas) await program.stop('SIGKILL');
    await gitServer?.down();
    await database?.remove();
    rmSync(folder, { recursive: true, force: true });
  }, 60_000);

  it(
    `nothing crashes, nothing grows, and nothing that was acknowledged is lost in ${minutes} minutes`,
    async () => {
      const { signal } = ended;
      const over = AbortSignal.any([signal, AbortSignal.timeout(minutes * 60_000)]);
      const scopes = ['rollouts:read', 'devices:read', 'events:read'].flatMap((scope) => ['--scope', scope]);
      const { token } = await runJson<{ token: string }>('slipway-distributor', [
        ...['token', 'create', '--purpose', 'operator', ...scopes, '--database', databaseUrl],
      ]);
      const authorization = `Bearer ${token}`;
      // No device ever runs this version: it asks until it is told to stop.
      const asking = new AbortController();
      const polling = fleet.map((device) => device.runUntil('never', asking.signal));

      const look = async (target: string) => {
        const answer = await fetch(`${anyUrl()}${target}`, {
          headers: { authorization },
          signal: AbortSignal.timeout(20_000),
        }).catch(() => undefined);
        await answer?.arrayBuffer().catch(() => undefined);
        answers.count(target.split('?')[0] ?? '', answer?.status ?? 'none');
      };
      const follow = async () => {
        while (!over.aborted) {
          try {
            const answer = await fetch(`${anyUrl()}/v1/events/stream`, { headers: { authorization }, signal: over });
            for await (const _ of answer.body ?? []) answers.count('event', 'heard');
            answers.count('stream', `ended ${answer.status}`);
          } catch {
            answers.count('stream', 'broken');
          }
          await pause(1000);
        }
      };
      const changePlan = async () => {
        if (release % 3 === 0) await pushPlan('{ "apiVersion": "slipway/v1", "kind": "Rol', 'A slip');
        await publishNext();
        await pushPlan(rolloutText(release), `Release ${release}`);
      };
      const takeGitAway = async () => {
        await gitServer.down();
        await pause(gitAwaySeconds.for * 1000);
        await gitServer.up();
        answers.count('git', 'away and back');
      };
      let crashes = 0;
      const restartDatabase = async () => {
        await database.pause(crashes++ % 2 === 0 ? 'SIGQUIT' : 'SIGINT');
        await pause(databaseAwaySeconds.for * 1000);
        await database.resume();
        answers.count('database', 'away and back');
      };
      await publishNext();
      await pushPlan(rolloutText(release), `Release ${release}`);
      await Promise.all([
        ...Array.from({ length: slowReaders }, () => readSlowly(anyUrl, blobTarget, over)),
        ...Array.from({ length: followers }, follow),
        every(secondsPerRelease, over, changePlan),
        every(gitAwaySeconds.every, over, takeGitAway),
        every(databaseAwaySeconds.every, over, restartDatabase),
        every(2, over, () => download(anyUrl()).catch(() => answers.count('range', 'broken'))),
        ...[
          '/v1/rollouts',
          '/v1/devices?limit=50',
          '/v1/plan',
          '/metrics',
          '/readyz',
          '/v1/metadata/timestamp.json',
        ].map((target) => every(3, over, () => look(target))),
        every(5, over, async () => {
          for (const watch of watches) await watch.sample();
          for (const program of replicas) expect(program.exited, program.log).toBe(false);
        }),
      ]);

      const last = versionOf(release);
      await pushPlan(rolloutText(release), 'The last one again');
      const deadline = Date.now() + settleMs;
      const isSettled = () => fleet.every((device) => device.version === last);
      while (!isSettled() && Date.now() < deadline) await pause(500);
      const behind = fleet.filter((device) => device.version !== last).map(({ id, version }) => `${id} ${version}`);
      // What is in the outboxes goes out before they stop.
      await pause(3 * devicePollMs);
      asking.abort();
      await Promise.all(polling);
      process.stderr.write(`${summary()}\n`);
      expect(behind).toEqual([]);
      expect(answers.of('range', '206')).toBeGreaterThan(0);
      await expectNothingLost();
      expectNoGrowth(watches);
      for (const program of replicas) {
        expect(program.exited, program.log).toBe(false);
        await program.stop('SIGTERM');
        expect(program.child.exitCode).toBe(0);
      }
    },
    minutes * 60_000 + 600_000,
  );

  async function expectNothingLost(): Promise<void> {
    const kept = await openPostgresFleetState(databaseUrl, { keptReports: 1000 });
    for (const device of fleet) {
      const { acknowledged } = device;
      const sequences = (reports: readonly { sequence: number }[]) =>
        reports.map(({ sequence }) => sequence).sort((a, b) => a - b);
      const stored = await kept.listReports(device.id, 1000);
      expect(sequences(stored), device.id).toEqual(sequences(acknowledged));
      const record = await kept.findDevice(device.id);
      expect(record?.acknowledgedThrough, device.id).toBe(acknowledged.at(-1)?.sequence);
      expect(record?.current?.version, device.id).toBe(device.version);
      const committed = (await kept.attemptsOf(device.id)).filter(({ outcome }) => outcome === 'committed');
      expect(committed.length, device.id).toBe(device.followed.length);
    }
    await kept.close();
  }

  function summary(): string {
    const sum = (of: (device: PollingDevice) => number) => fleet.reduce((total, device) => total + of(device), 0);
    return [
      `${minutes} minutes, ${devices} devices, ${slowReaders} slow readers, ${release - 1} releases:`,
      `  updates ${sum(({ followed }) => followed.length)}, reports acknowledged ${sum(({ acknowledged }) => acknowledged.length)}, polls without an answer ${sum(({ unanswered }) => unanswered)}`,
      `  ${answers}`,
      ...watches.map((watch, index) => `  replica ${index + 1}: ${watch}`),
    ].join('\n');
  }
});
