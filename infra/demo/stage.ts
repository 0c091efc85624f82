/**
 * Sets up everything that the story needs on one machine: a repository in a folder, a distributor, a flaky link and one
 * device. All of it is in a temporary folder that is removed at the end, and uses the programs as an operator does.
 */
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Report, reportSchema } from '../../contract/device-api/report.ts';
import { decodeManifest } from '../../contract/release/manifest.ts';
import {
  deviceDocument,
  type ReleaseNumber,
  releaseDocument,
  rolloutDocument,
  rolloutName,
  versionOf,
  writeDocument,
} from './documents.ts';
import { FlakyLink } from './flaky-link.ts';
import { RunningProgram, runJson } from './programs.ts';
import { RolloutRepository, rolloutsPath } from './rollout-repository.ts';
import type { ServerUnderUpdate } from './scenario.ts';

const product = 'demo-server';
const deviceId = 'demo-device';
const channel = 'stable';
const pollMs = 50;
/** Beyond what the server needs to become healthy, nothing in the story takes as long. */
const patienceSeconds = 60;

interface InstalledUpdate {
  readonly report: Report;
  readonly rollout: string;
  readonly installedBytes: number;
}

interface Published {
  readonly installedBytes: number;
  /** What a device of the release before has to download at least. */
  readonly wireBytes: number;
}

export class Stage {
  readonly link: FlakyLink;
  readonly #server: ServerUnderUpdate;
  readonly #folder: string;
  readonly #rollouts: RolloutRepository;
  readonly #servicePort: number;
  readonly #distributorPort: number;
  readonly #installedBytes = new Map<ReleaseNumber, number>();
  #distributor: RunningProgram | undefined;
  #updater: RunningProgram | undefined;
  #operatorToken = '';

  private constructor(
    server: ServerUnderUpdate,
    folder: string,
    link: FlakyLink,
    ports: { service: number; distributor: number },
    rollouts: RolloutRepository,
  ) {
    this.#server = server;
    this.#rollouts = rollouts;
    this.#folder = folder;
    this.link = link;
    this.#servicePort = ports.service;
    this.#distributorPort = ports.distributor;
  }

  static async open(server: ServerUnderUpdate): Promise<Stage> {
    const folder = await mkdtemp(join(tmpdir(), 'slipway-demo-'));
    const ports = { service: await freePort(), distributor: await freePort() };
    const stage = new Stage(
      server,
      folder,
      await FlakyLink.to(ports.distributor),
      ports,
      await RolloutRepository.create(folder),
    );
    await runJson('slipway-packager', [
      ...['init', '--store', stage.#store, '--keys', stage.#path('keys')],
      ...['--product', product, '--demo', '--root-out', stage.#path('root.json')],
    ]);
    return stage;
  }

  /** Builds and publishes one release; the third starts, stays up and never answers. */
  async publish(number: ReleaseNumber): Promise<Published> {
    const source = this.#path('releases', String(number));
    await mkdir(source, { recursive: true });
    await writeFile(join(source, 'broken-server'), '#!/bin/sh\nexec sleep 3600\n', { mode: 0o755 });
    await writeFile(join(source, 'version.txt'), `release ${number}\n`);
    const binary = number === 3 ? join(source, 'broken-server') : resolve(this.#server.files[number - 1] as string);
    const { page } = this.#server;
    const files = {
      binary,
      ...(page === undefined ? {} : { page: { file: join(source, 'version.txt'), path: page } }),
    };
    await writeDocument(join(source, 'release.yaml'), releaseDocument(product, number, files));
    const built = this.#path('build', String(number));
    await runJson('slipway-packager', ['build', join(source, 'release.yaml'), '--out', built]);
    const { deltas } = await runJson<{ deltas: { component: string; length: number }[] }>('slipway-packager', [
      ...['publish', built, '--store', this.#store, '--channel', channel, '--keys', this.#path('keys')],
    ]);
    const manifest = decodeManifest(await readFile(join(built, 'release.json')));
    const installedBytes = manifest.components.reduce((sum, { length }) => sum + length, 0);
    const wireBytes = manifest.components.reduce((sum, { name, blobs }) => {
      const ways = [...blobs, ...deltas.filter(({ component }) => component === name)];
      return sum + Math.min(...ways.map(({ length }) => length));
    }, 0);
    this.#installedBytes.set(number, installedBytes);
    return { installedBytes, wireBytes };
  }

  async startDistributor(): Promise<void> {
    const state = this.#path('distributor');
    this.#distributor = new RunningProgram('slipway-distributor', [
      ...['serve', '--store', this.#store, '--state', state],
      ...['--rollouts-git', this.#rollouts.url, '--git-path', rolloutsPath, '--git-poll', '1s'],
      ...['--listen', `127.0.0.1:${this.#distributorPort}`, '--refresh', '1s', '--log-level', 'warn'],
      // The device checks every second here.
      ...['--check-limit', '600'],
    ]);
    await this.#waitFor('the distributor to be ready', async () => {
      const answer = await fetch(`http://127.0.0.1:${this.#distributorPort}/readyz`).catch(() => undefined);
      return answer?.ok || undefined;
    });
    const { token } = await runJson<{ token: string }>('slipway-distributor', [
      ...['token', 'create', '--purpose', 'operator', '--scope', 'devices:read', '--scope', 'rollouts:read'],
      ...['--state', state],
    ]);
    this.#operatorToken = token;
    const enrolment = await runJson<{ token: string }>('slipway-distributor', [
      ...['enrolment-token', 'create', '--uses', '1', '--state', state],
    ]);
    await writeFile(this.#path('enrolment-token'), enrolment.token, { mode: 0o600 });
  }

  /** Pushes the rollout of a release to Git; the distributor pulls it. @returns the commit */
  async declareRollout(number: ReleaseNumber): Promise<string> {
    const text = JSON.stringify(rolloutDocument(product, number), null, 2);
    const subject = `Roll out ${versionOf(number)}`;
    return this.#rollouts.push(`${rolloutName(number)}.yaml`, text, subject);
  }

  async startUpdater(): Promise<void> {
    const fill = (text: string) =>
      text.replaceAll('{port}', String(this.#servicePort)).replaceAll('{current}', this.#current);
    const configuration = deviceDocument({
      server: this.link.url,
      deviceId,
      product,
      folder: this.#folder,
      command: [this.installedServer, ...this.#server.serveArgs.map(fill)],
      health: fill(this.#server.health),
      healthTimeoutSeconds: this.#server.healthTimeoutSeconds,
    });
    await mkdir(this.#path('device'), { recursive: true });
    await writeDocument(this.#path('edge.yaml'), configuration);
    this.#updater = new RunningProgram('slipway-edge', ['run', '--config', this.#path('edge.yaml')]);
  }

  /** As a power cut or the kernel would: no chance to say goodbye. */
  async killUpdater(): Promise<void> {
    await this.#updater?.stop('SIGKILL');
  }

  /** Waits until the device has this many bytes of blobs that are still incomplete. */
  async waitForDownloaded(bytes: number): Promise<void> {
    await this.#waitFor(`${bytes} bytes of the download`, async () => {
      return (await this.#partialBytes()) >= bytes || undefined;
    });
  }

  /** Waits for the device's final report about one release. */
  async waitForOutcome(number: ReleaseNumber): Promise<InstalledUpdate> {
    const report = await this.#waitFor(`the outcome of release ${number}`, async () => {
      const device = await this.#ask<{ reports: unknown[] }>(`/v1/devices/${deviceId}`);
      return device?.reports
        .map((entry) => reportSchema.parse(entry))
        .find(({ version, outcome }) => version === versionOf(number) && outcome !== undefined);
    });
    const installedBytes = this.#installedBytes.get(number) ?? 0;
    return { report, rollout: (await this.#rolloutStatus(number)) ?? 'unknown', installedBytes };
  }

  /** Waits until the distributor has pulled that commit and put it in force. @returns who wrote it */
  async waitForCommit(commit: string): Promise<string> {
    return this.#waitFor(`commit ${commit} to be in force`, async () => {
      const answer = await this.#ask<{ applied?: { revision: string; author: string } }>('/v1/plan');
      return answer?.applied?.revision === commit ? answer.applied.author : undefined;
    });
  }

  async waitForRollout(number: ReleaseNumber, wanted: string): Promise<string> {
    return this.#waitFor(`the rollout of release ${number} to be ${wanted}`, async () => {
      const status = await this.#rolloutStatus(number);
      return status === wanted ? status : undefined;
    });
  }

  /** Asks the updated server itself. */
  async isHealthy(): Promise<boolean> {
    const url = this.#server.health.replaceAll('{port}', String(this.#servicePort));
    const answer = await fetch(url).catch(() => undefined);
    return answer?.status === 200;
  }

  get installedServer(): string {
    return join(this.#current, 'bin', 'server');
  }

  /** The end of what the long-running programs printed. */
  logs(): string {
    const tail = (program: RunningProgram | undefined) => program?.log.split('\n').slice(-15).join('\n        ') ?? '';
    return `distributor:\n        ${tail(this.#distributor)}\n        updater:\n        ${tail(this.#updater)}`;
  }

  async close(): Promise<void> {
    await this.#updater?.stop();
    this.link.close();
    await this.#distributor?.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }

  get #store(): string {
    return `file://${this.#path('store')}`;
  }

  get #current(): string {
    return this.#path('device', 'current');
  }

  #path(...parts: string[]): string {
    return join(this.#folder, ...parts);
  }

  async #partialBytes(): Promise<number> {
    const folder = this.#path('device', 'downloads');
    const names = (await readdir(folder)).filter((name) => name.endsWith('.part'));
    // One that was finished since has no partial bytes any more.
    const sizes = await Promise.all(
      names.map((name) =>
        stat(join(folder, name)).then(
          ({ size }) => size,
          () => 0,
        ),
      ),
    );
    return sizes.reduce((sum, size) => sum + size, 0);
  }

  async #rolloutStatus(number: ReleaseNumber): Promise<string | undefined> {
    const answer = await this.#ask<{ rollouts: { status: string }[] }>(`/v1/rollouts/${rolloutName(number)}`);
    return answer?.rollouts[0]?.status;
  }

  /** Undefined where the answer is not a success. */
  async #ask<T>(path: string): Promise<T | undefined> {
    const answer = await fetch(`http://127.0.0.1:${this.#distributorPort}${path}`, {
      headers: { authorization: `Bearer ${this.#operatorToken}` },
    });
    return answer.ok ? ((await answer.json()) as T) : undefined;
  }

  async #waitFor<T>(what: string, probe: () => Promise<T | undefined>): Promise<T> {
    const patience = patienceSeconds + this.#server.healthTimeoutSeconds;
    const deadline = performance.now() + patience * 1000;
    while (performance.now() < deadline) {
      const found = await probe();
      if (found !== undefined) return found;
      if (this.#distributor?.exited) throw new Error(`the distributor ended while waiting for ${what}`);
      await delay(pollMs);
    }
    throw new Error(`waited ${patience} s in vain for ${what}`);
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  if (address === null || typeof address === 'string') throw new Error('no free port on loopback');
  return address.port;
}
