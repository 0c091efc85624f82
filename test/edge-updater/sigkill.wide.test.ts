/**
 * The real program, killed by SIGKILL at random moments of a seeded sequence: whenever it dies, `current` names a whole
 * release; in the end it is the new one, and one service runs. A k3s in small comes as a Slipway delta.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { sha256 } from '../../contract/digest.ts';
import type { Component } from '../../contract/release/manifest.ts';
import { memorySource } from '../../delta/byte-source.ts';
import { openDelta } from '../../delta/open-delta.ts';
import { readJournal } from '../../edge-updater/adapters/disk/journal-file.ts';
import { DeviceApi, enrolmentToken } from '../fakes/device-api.ts';
import { bytesOf, EdgeDevice } from '../fakes/edge-device.ts';
import { FaultyLink } from '../fakes/faulty-link.ts';
import { product } from '../fakes/signed-repository.ts';
import { smallRelease, writeDelta } from '../fakes/small-delta.ts';
import { isLongRun, sampled } from '../sampling.ts';
import { freePort } from '../services/free-port.ts';
import { programFile } from '../services/program-files.ts';

const program = programFile('edge-updater');
const kills = isLongRun ? 12 : 8;

const service = (version: string) =>
  Buffer.from(
    `require('node:http').createServer((_, r) => r.end('${version}')).listen(Number(process.argv[2]), '127.0.0.1');`,
  );
const payload = smallRelease(30_000);
const delta = writeDelta(payload);
const release = (version: string) => [
  { path: 'bin/k3s', bytes: version === '1.0.0' ? payload.base : payload.target },
  { path: 'server.cjs', bytes: service(version) },
  { path: 'data', bytes: bytesOf(version, 600_000) },
  { path: 'packed', bytes: bytesOf(`packed ${version}`, 100_000) },
];

/** Serves the delta, and names it in the component that it makes. */
function withDelta(edge: EdgeDevice): (component: Component) => Component {
  const described = {
    ...({ encoding: 'identity', format: 'slipway', needs: openDelta(memorySource(delta)).needs } as const),
    ...{ length: delta.length, sha256: sha256(delta), fromSha256: sha256(payload.base) },
  };
  edge.server.blobs.set(described.sha256, delta);
  return (component) => (component.installPath === 'bin/k3s' ? { ...component, deltas: [described] } : component);
}

/** Processes of the service: their command line names this device's folder. */
function services(folder: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
        return line.includes(folder) && line.includes('server.cjs');
      } catch {
        return false;
      }
    });
}

/** A linear congruential generator (Numerical Recipes): the same moments for the same seed. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Further moments: `npm run test:long`. */
const seeds = sampled([20261123, 1], 1);

it.each(seeds)('ends on a whole release wherever it is killed, seed %i', { timeout: 180_000 }, async (seed) => {
  using edge = new EdgeDevice();
  // The real program reads the real clock.
  edge.clock.jumpTo(Date.now());
  edge.repository.publish(new Date());
  await using api = await DeviceApi.listen(edge.server);
  await using link = await FaultyLink.open(api.port);
  const port = await freePort();
  const file = path.join(edge.folder, 'edge.yaml');
  writeFileSync(path.join(edge.folder, 'enrolment-token'), enrolmentToken);
  writeFileSync(
    file,
    JSON.stringify({
      ...{ server: link.url, developmentAllowHttp: true, deviceId: 'd', product, platform: 'linux/amd64' },
      ...{ stateDir: edge.stateDirectory, trustedRoot: edge.rootFile, poll: { intervalSeconds: 1 } },
      enrolment: { tokenFile: path.join(edge.folder, 'enrolment-token') },
      download: { retryBaseSeconds: 0.1, retryCapSeconds: 0.2, durableStepKiB: 16 },
      service: {
        ...{ manager: 'exec', command: [process.execPath, '{slot}/server.cjs', String(port)], stopTimeoutSeconds: 2 },
      },
      health: {
        http: { url: `http://127.0.0.1:${port}/` },
        timeoutSeconds: 30,
        intervalSeconds: 0.1,
        soakSeconds: 0.3,
      },
    }),
  );
  const start = (): ChildProcess =>
    spawn(process.execPath, [program, 'run', '--config', file], { stdio: ['ignore', 'ignore', 'pipe'] });
  const served = () =>
    fetch(`http://127.0.0.1:${port}/`)
      .then((answer) => answer.text())
      .catch(() => 'nothing');
  const reach = async (version: string) => {
    for (let tries = 0; journal()?.current?.version !== version; tries++) {
      expect(tries).toBeLessThan(600);
      await delay(100);
    }
  };
  const journal = () => {
    const content = readJournal(edge.stateDirectory);
    return content.kind === 'state' ? content.state : undefined;
  };

  const old = edge.publish('1.0.0', 1, release('1.0.0'));
  edge.server.offered = old.manifest;
  let updater = start();
  await reach('1.0.0');
  const next = edge.publish('2.0.0', 2, release('2.0.0'), withDelta(edge));
  edge.server.offered = next.manifest;

  const random = seeded(seed);
  for (let kill = 0; kill < kills; kill++) {
    // Every third life is long enough to get through applying the delta.
    await delay(random() * 1500 + (kill % 3 === 2 ? 2500 : 0));
    const gone = once(updater, 'exit');
    updater.kill('SIGKILL');
    await gone;
    const { slots } = edge;
    expect([old.digest, next.digest]).toContain(slots.currentLink);
    await slots.verify(slots.currentLink as string);
    expect(services(edge.folder).length).toBeLessThanOrEqual(1);
    updater = start();
  }
  for (let tries = 0; journal()?.lastAttempt?.version !== '2.0.0'; tries++) {
    expect(tries).toBeLessThan(300);
    await delay(100);
  }
  const child = spawn(process.execPath, [program, 'status', '--config', file, '--json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const last = JSON.parse(Buffer.concat(await child.stdout.toArray()).toString()).lastAttempt;
  const ended = last.outcome === 'committed' ? '2.0.0' : '1.0.0';
  // Probation that is cut short too often is a reason to go back; nothing else is.
  if (last.outcome !== 'committed') expect(last.code).toBe('probation-interrupted');
  await reach(ended);
  expect(await served()).toBe(ended);
  const installed = readFileSync(path.join(edge.stateDirectory, 'current', 'bin', 'k3s'));
  expect(installed.equals(Buffer.from(ended === '2.0.0' ? payload.target : payload.base))).toBe(true);
  // It was never given up for the whole.
  expect(last.message ?? '').not.toContain('went on without it');
  expect(services(edge.folder)).toHaveLength(1);
  expect(api.unauthorised).toBe(0);

  const gone = once(updater, 'exit');
  updater.kill('SIGTERM');
  expect(await gone).toEqual([0, null]);
  expect(services(edge.folder)).toEqual([]);
});
