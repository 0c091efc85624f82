/**
 * A product small enough for a test, for journeys of the built distributor and updater. The verbs that only prepare or
 * look are called in this process: the journeys that run each verb as a program are demo and pages.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { sha256 } from '../../contract/digest.ts';
import { readDevice } from '../../edge-updater/wiring/read-device.ts';
import type { RunningProgram } from '../../infra/demo/programs.ts';
import { callDistributor } from '../fakes/distributor-command.ts';
import { mustCallPackager } from '../fakes/packager-command.ts';

/** Of this machine. */
export const platform = process.arch === 'arm64' ? 'linux/arm64' : 'linux/amd64';
export const pageContent = Buffer.alloc(300_000, 'a page that compresses well, and another one. ');

/**
 * Makes a repository in `store`, with `root.json`, `keys` and `rollouts` in `folder`, and release 1.0.0 in the channel
 * `stable`, which a rollout brings to everybody.
 */
export async function publishShop(folder: string, store: string): Promise<void> {
  const at = (...parts: string[]) => path.join(folder, ...parts);
  mkdirSync(at('rollouts'), { recursive: true });
  const spec = { product: 'shop', channel: 'stable', waves: [{ name: 'all', percent: 100 }] };
  const rollout = { apiVersion: 'slipway/v1', kind: 'Rollout', metadata: { name: 'shop' }, spec };
  writeFileSync(at('rollouts', 'shop.yaml'), JSON.stringify(rollout));
  const where = ['--store', store, '--keys', at('keys')];
  await mustCallPackager('init', ...where, '--product', 'shop', '--demo', '--root-out', at('root.json'));
  await publishShopRelease(folder, store, '1.0.0', 1);
}

/**
 * The next release of the shop, from the same sources. @param documents options of `build`
 * @returns the digest of its manifest
 */
export async function publishShopRelease(
  folder: string,
  store: string,
  version: string,
  counter: number,
  documents: readonly string[] = [],
): Promise<string> {
  const at = (...parts: string[]) => path.join(folder, ...parts);
  mkdirSync(at('app'), { recursive: true });
  writeFileSync(at('app', 'server'), '#!/bin/sh\nexec sleep 1000\n');
  writeFileSync(at('app', 'page'), pageContent);
  const release = {
    ...{ apiVersion: 'slipway/v1', kind: 'Release', product: 'shop', version, counter },
    platform,
    components: [
      { name: 'server', kind: 'binary', source: './server' },
      { name: 'page', kind: 'file', source: './page' },
    ],
  };
  writeFileSync(at('app', 'release.yaml'), JSON.stringify(release));
  await mustCallPackager('build', at('app', 'release.yaml'), '--out', at('build', version), ...documents);
  const where = ['--store', store, '--keys', at('keys')];
  await mustCallPackager('publish', at('build', version), ...where, '--channel', 'stable');
  return sha256(readFileSync(at('build', version, 'release.json')));
}

/** Calls a verb under `--json` that has to succeed, beside a server that runs. @returns what it printed as one value */
export async function mustCallDistributor<T>(...words: string[]): Promise<T> {
  const { status, stdout, stderr } = await callDistributor([...words, '--json']);
  if (status !== 0) throw new Error(`${words[0]} ended with ${status}: ${stderr}`);
  return JSON.parse(stdout) as T;
}

/** Makes an enrolment token in the state of a distributor that runs, and returns the file that holds it. */
export async function enrolmentToken(state: string, uses = 1): Promise<string> {
  const create = ['enrolment-token', 'create', '--state', state, '--uses', String(uses)];
  const { token } = await mustCallDistributor<{ token: string }>(...create);
  const file = path.join(state, 'enrolment-token');
  writeFileSync(file, token);
  return file;
}

/** Writes the edge.yaml of a device of the shop whose state is beside it, and returns its path. */
export function configureDevice(folder: string, configuration: Record<string, unknown>): string {
  mkdirSync(path.join(folder, 'device'), { recursive: true });
  const document = {
    ...{ deviceId: 'shop-1', product: 'shop', stateDir: path.join(folder, 'device') },
    service: { manager: 'exec', command: ['{current}/bin/server'] },
    health: { command: ['test', '-x', '{current}/bin/server'], intervalSeconds: 0.1, soakSeconds: 0 },
    ...configuration,
  };
  const file = path.join(folder, 'edge.yaml');
  writeFileSync(file, JSON.stringify(document));
  return file;
}

/** Ends the service that a one-shot command of the updater left running. */
export async function endService(configuration: string): Promise<void> {
  const { servicePid } = await readDevice(configuration);
  if (servicePid !== undefined) process.kill(servicePid);
}

/** The URL that a distributor started with `--json` says it listens on. */
export async function listening(distributor: RunningProgram): Promise<string> {
  for (;;) {
    const url = /"listening":"([^"]+)"/.exec(distributor.log)?.[1];
    if (url) return url;
    if (distributor.exited) throw new Error(`the distributor ended: ${distributor.log}`);
    await new Promise((resume) => setTimeout(resume, 50));
  }
}
