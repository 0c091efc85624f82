/**
 * A distributor's whole world on disk for the bench: a store with two releases, a plan, and a state that knows the fleet
 * from a check of every device.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { CheckRequest } from '../../../contract/device-api/check.ts';
import { openSqliteFleetState } from '../../../distributor/adapters/database/sqlite/fleet-state.ts';
import { mintToken } from '../../../distributor/fleet/access/token.ts';
import type { CheckArrival } from '../../../distributor/fleet/ports.ts';
import type { Decision } from '../../../distributor/rollout/decision.ts';
import { runJson } from '../../../infra/demo/programs.ts';

export const product = 'shop';
const versions = ['1.0.0', '2.0.0'] as const;
const enrolledTogether = 2000;
const devicesPerSite = 3;

export interface FleetOnDisk {
  readonly store: string;
  readonly rollouts: string;
  readonly state: string;
  /** Lines of `id token`. */
  readonly tokens: string;
}

/** Three waves, of which the load meets the first one open. */
const rollout = {
  apiVersion: 'slipway/v1',
  kind: 'Rollout',
  metadata: { name: 'shop-2' },
  spec: {
    product,
    release: '2.0.0',
    waves: [
      { name: 'canary', percent: 2, soak: '24h' },
      { name: 'half', percent: 50, soak: '4h' },
      { name: 'all', percent: 100 },
    ],
  },
};

/** @param devices how many are enrolled before anything is measured */
export async function fleetOnDisk(folder: string, devices: number): Promise<FleetOnDisk> {
  const at = (...parts: string[]) => path.join(folder, ...parts);
  for (const name of ['app', 'rollouts']) mkdirSync(at(name), { recursive: true });
  writeFileSync(at('rollouts', 'shop-2.yaml'), JSON.stringify(rollout));
  await publishReleases(folder);
  const tokens = await enrolAll(at('state'), devices);
  writeFileSync(at('tokens'), tokens.join('\n'));
  return { store: `file://${at('store')}`, rollouts: at('rollouts'), state: at('state'), tokens: at('tokens') };
}

/** What the device of that number sends; the same for every check of it. */
export function checkOf(index: number): CheckRequest {
  return {
    schemaVersion: 1,
    updaterVersion: '0.1.0',
    product,
    platform: 'linux/amd64',
    current: { version: '1.0.0', counter: 1, manifestSha256: 'a'.repeat(64) },
    counterFloor: 1,
    phase: 'idle',
    rejected: [],
    labels: { region: index % 2 === 0 ? 'north' : 'south', 'slipway.io/site': siteOf(index) },
  };
}

export function deviceName(index: number): string {
  return `device-${String(index).padStart(6, '0')}`;
}

function siteOf(index: number): string {
  return `site-${Math.floor(index / devicesPerSite)}`;
}

async function publishReleases(folder: string): Promise<void> {
  const at = (...parts: string[]) => path.join(folder, ...parts);
  const where = ['--store', `file://${at('store')}`, '--keys', at('keys')];
  await runJson('slipway-packager', ['init', ...where, '--product', product, '--demo', '--root-out', at('root.json')]);
  for (const [index, version] of versions.entries()) {
    writeFileSync(at('app', 'server'), `#!/bin/sh\nexec sleep ${1000 + index}\n`);
    const release = {
      ...{ apiVersion: 'slipway/v1', kind: 'Release', product, version, counter: index + 1, platform: 'linux/amd64' },
      components: [{ name: 'server', kind: 'binary', source: './server' }],
    };
    writeFileSync(at('app', 'release.yaml'), JSON.stringify(release));
    await runJson('slipway-packager', ['build', at('app', 'release.yaml'), '--out', at('build', version)]);
    await runJson('slipway-packager', ['publish', at('build', version), ...where, '--channel', 'stable']);
  }
}

const nothing: Decision = { kind: 'none', reason: 'no-rollout', until: undefined, facts: {} };

/** A check as the state of the fleet is asked about it, by a plan without concurrency and budgets. */
export function arrivalOf(index: number, at: number): CheckArrival {
  const check = checkOf(index);
  return {
    ...{ deviceId: deviceName(index), check, at, site: siteOf(index), cluster: undefined },
    vouched: { site: siteOf(index), cluster: undefined, role: 'server' },
    ...{ wantsPeers: false, peerTimeoutSeconds: 7200, budgets: [] },
  };
}

/** @returns lines of `id token` */
export async function enrolAll(state: string, devices: number): Promise<string[]> {
  const fleet = await openSqliteFleetState(state);
  const now = Date.now();
  const enrolling = mintToken({ purpose: 'enrol', now, randomBytes });
  await fleet.saveToken(enrolling.record);
  const lines: string[] = [];
  for (let from = 0; from < devices; from += enrolledTogether) {
    const numbers = Array.from({ length: Math.min(enrolledTogether, devices - from) }, (_, i) => from + i);
    await Promise.all(
      numbers.map((index) => {
        const id = deviceName(index);
        const { token, record } = mintToken({ purpose: 'device', deviceId: id, now, randomBytes });
        lines.push(`${id} ${token}`);
        const { platform, labels } = checkOf(index);
        const device = { id, product, platform, labels, givenLabels: {} };
        return fleet.enrol({
          ...{ device, status: 'accepted' as const, publicKey: undefined },
          enrolmentTokenId: enrolling.record.id,
          deviceToken: record,
          at: now,
        });
      }),
    );
    await Promise.all(numbers.map((index) => fleet.answerCheck(arrivalOf(index, now), () => nothing)));
  }
  await fleet.close();
  return lines;
}
