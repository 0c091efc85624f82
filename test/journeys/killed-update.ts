/**
 * One device on the way from a K3s-shaped program to its next release, through the built programs: the packager makes
 * the delta, a distributor serves it, the updater is killed again and again. Counts what was seen; judges nothing.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Digest, sha256 } from '../../contract/digest.ts';
import { decodeManifest, type ReleaseManifest } from '../../contract/release/manifest.ts';
import { platformOfNodeArch } from '../../contract/release/platform.ts';
import { blobKey } from '../../contract/store-keys.ts';
import { isDecoded, openDelta } from '../../delta/open-delta.ts';
import { openReadOnly } from '../../edge-updater/adapters/disk/file-source.ts';
import { readJournal } from '../../edge-updater/adapters/disk/journal-file.ts';
import { RunningProgram, runJson } from '../../infra/demo/programs.ts';
import { FaultyLink } from '../fakes/faulty-link.ts';
import { mustCallPackager } from '../fakes/packager-command.ts';
import { configureDevice, endService, enrolmentToken, listening } from './small-shop.ts';

export interface KilledUpdate {
  /** The program before and after. */
  readonly old: string;
  readonly new: string;
  /** Of the moments of the kills. */
  readonly seed: number;
  /** Kills at any moment, and as many while the delta is applied. */
  readonly kills: number;
  /** The longest that a life lasts before the first kind of kill. */
  readonly lifeMs: number;
  /** The longest from the start of applying, or of encoding again, to the second kind. */
  readonly applyMs: number;
  /** What the device allows, MiB. */
  readonly maxMemoryMiB: number;
  /** How long anything may take. */
  readonly patienceMs: number;
}

export interface Seen {
  readonly deltaBytes: number;
  /** Bytes of content that were encoded again. */
  readonly encodedBytes: number;
  /** From the server to the device during the update, headers, metadata and repetitions included. */
  readonly bytesToDevice: number;
  readonly installed: Digest;
  readonly expected: Digest;
  /** Kills while the process that applies the delta ran, and of those with every part made: while it encoded. */
  readonly killsWhileApplying: number;
  readonly killsWhileEncoding: number;
  readonly outcome: string;
  /** What the device noted about the update. */
  readonly message: string;
}

const pollMs = 10;

export async function killedUpdate(how: KilledUpdate): Promise<Seen> {
  const folder = mkdtempSync(path.join(tmpdir(), 'slipway-killed-update-'));
  const random = seeded(how.seed);
  const publish = await publisher(folder);
  await publish('1.0.0', 1, how.old);
  const state = path.join(folder, 'state');
  const distributor = new RunningProgram('slipway-distributor', [
    ...['serve', '--store', storeUrl(folder), '--rollouts', path.join(folder, 'rollouts'), '--state', state],
    ...['--listen', '127.0.0.1:0', '--log-level', 'error', '--json', '--refresh', '1s', '--check-limit', '600'],
  ]);
  let updater: RunningProgram | undefined;
  let configured: string | undefined;
  try {
    await using link = await FaultyLink.open(Number(new URL(await listening(distributor)).port));
    const tokenFile = await enrolmentToken(state);
    const configuration = configureDevice(folder, {
      ...{ product: 'k3s-edge', server: link.url, developmentAllowHttp: true, poll: { intervalSeconds: 1 } },
      ...{ trustedRoot: path.join(folder, 'root.json'), enrolment: { tokenFile } },
      delta: { maxMemoryMiB: how.maxMemoryMiB },
      download: { retryBaseSeconds: 0.1, retryCapSeconds: 0.5, durableStepKiB: 16 },
    });
    configured = configuration;
    const start = () => new RunningProgram('slipway-edge', ['run', '--config', configuration]);
    const settled = async (version: string) => {
      const deadline = performance.now() + how.patienceMs;
      for (;;) {
        const content = readJournal(path.join(folder, 'device'));
        const { lastAttempt = undefined } = content.kind === 'state' ? content.state : {};
        if (lastAttempt?.version === version) return lastAttempt;
        if (performance.now() > deadline) throw new Error(`no end of ${version}: ${updater?.log.slice(-2000)}`);
        await delay(100);
      }
    };
    updater = start();
    await settled('1.0.0');
    await updater.stop('SIGKILL');

    const manifest = await publish('2.0.0', 2, how.new);
    const described = manifest.components.find(({ name }) => name === 'k3s')?.deltas[0];
    if (described?.format !== 'slipway') throw new Error('the packager made no delta that sees inside');
    using source = disposable(openReadOnly(path.join(folder, 'store', blobKey(described.sha256))));
    const { layout } = openDelta(source.value);
    const made = layout.parts.flatMap((part, index) => (isDecoded(part) ? [`new-${index}`] : []));
    const scratch = path.join(folder, 'device', 'downloads', `${described.sha256}.scratch`);
    const isEncoding = () => made.every((name) => namesIn(scratch).includes(name));
    const before = link.bytesToClients;
    let killsWhileApplying = 0;
    let killsWhileEncoding = 0;
    for (let kill = 0; kill < how.kills * 2; kill++) {
      updater = start();
      if (kill % 2 === 0) await delay(random() * how.lifeMs);
      else {
        // Of these, every second one waits until all parts are made, and the payload is encoded again.
        const isAwaited = () => appliers(folder).length > 0 && (kill % 4 === 1 || isEncoding());
        for (const end = performance.now() + how.patienceMs; !isAwaited(); await delay(pollMs)) {
          if (performance.now() > end) throw new Error(`nothing applies the delta: ${updater.log.slice(-2000)}`);
        }
        await delay(random() * how.applyMs);
      }
      const isApplying = appliers(folder).length > 0;
      if (isApplying) killsWhileApplying++;
      if (isApplying && isEncoding()) killsWhileEncoding++;
      await updater.stop('SIGKILL');
    }
    updater = start();
    const { outcome, message = '' } = await settled('2.0.0');
    const installed = path.join(folder, 'device', 'current', 'bin', 'k3s');
    return {
      ...{ deltaBytes: described.length, encodedBytes: described.needs.zstd?.contentBytes ?? 0 },
      ...{ bytesToDevice: link.bytesToClients - before, killsWhileApplying, killsWhileEncoding, outcome, message },
      ...{ installed: sha256(readFileSync(installed)), expected: sha256(readFileSync(how.new)) },
    };
  } finally {
    await updater?.stop();
    // A killed updater has left the service running.
    if (configured !== undefined) await endService(configured).catch(() => undefined);
    await distributor.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

const storeUrl = (folder: string) => `file://${path.join(folder, 'store')}`;

/** Makes a repository; what it returns publishes a release of one program, and a rollout brings each to everybody. */
async function publisher(folder: string) {
  const at = (...parts: string[]) => path.join(folder, ...parts);
  const where = ['--store', storeUrl(folder), '--keys', at('keys')];
  mkdirSync(at('rollouts'));
  const spec = { product: 'k3s-edge', channel: 'stable', waves: [{ name: 'all', percent: 100 }] };
  const rollout = { apiVersion: 'slipway/v1', kind: 'Rollout', metadata: { name: 'k3s' }, spec };
  writeFileSync(at('rollouts', 'k3s.yaml'), JSON.stringify(rollout));
  const init = ['init', ...where, '--product', 'k3s-edge', '--demo', '--root-out', at('root.json')];
  await mustCallPackager(...init);
  return async (version: string, counter: number, file: string): Promise<ReleaseManifest> => {
    const sources = at(`release-${version}`);
    mkdirSync(sources);
    writeFileSync(path.join(sources, 'server'), '#!/bin/sh\nexec sleep 1000\n');
    const release = {
      ...{ apiVersion: 'slipway/v1', kind: 'Release', product: 'k3s-edge', version, counter },
      platform: platformOfNodeArch(process.arch),
      components: [
        { name: 'k3s', kind: 'binary', source: file, installPath: 'bin/k3s' },
        { name: 'server', kind: 'binary', source: './server' },
      ],
    };
    writeFileSync(path.join(sources, 'release.yaml'), JSON.stringify(release));
    await mustCallPackager('build', path.join(sources, 'release.yaml'), '--out', at(`build-${version}`));
    await runJson('slipway-packager', ['publish', at(`build-${version}`), ...where, '--channel', 'stable']);
    const manifests = namesIn(at('store', 'targets')).map((name) =>
      decodeManifest(readFileSync(at('store', 'targets', name))),
    );
    return manifests.find((manifest) => manifest.version === version) as ReleaseManifest;
  };
}

/** Processes that apply a delta for this device: their command line names its folder. */
function appliers(folder: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
        return line.includes('slipway-edge-delta.mjs') && line.includes(folder);
      } catch {
        return false;
      }
    });
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function disposable<T extends { close(): void }>(value: T): Disposable & { readonly value: T } {
  return { value, [Symbol.dispose]: () => value.close() };
}

/** A linear congruential generator (Numerical Recipes): the same moments for the same seed. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
