/**
 * Six devices that run the built updater, in weather that is not the release's fault: a link that dies for all of them
 * in the middle of the download, a full disk, an hour of 403, and a portal's page. A rollout judges the release.
 */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RunningProgram, runCommand } from '../../infra/demo/programs.ts';
import { callEdgeJson } from '../fakes/edge-command.ts';
import { mustCallPackager } from '../fakes/packager-command.ts';
import { Weather } from '../fakes/weather.ts';
import { configureDevice, enrolmentToken, listening, mustCallDistributor } from './small-shop.ts';

const pageBytes = 600_000;
const ids = ['gate-1', 'gate-2', 'gate-3', 'gate-4', 'gate-5', 'gate-6'];
/** The one with the small disk, the one that gets 403, and the one behind a portal. */
const [, , , small = '', forbidden = '', portal = ''] = ids;
/** Room for the update and the reserve that a device wants beside it, in a file system of its own. */
const smallDiskBytes = 24_000_000;
const patience = { timeout: 60_000, interval: 500 };

interface Shown {
  readonly rollouts: readonly { readonly status: string; readonly waves: readonly Record<string, number>[] }[];
}
interface Why {
  readonly decision?: { readonly next: string };
  readonly rollouts: readonly { readonly attempt?: { readonly code?: string; readonly fault?: string } }[];
}

describe('six devices in bad weather', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'slipway-weather-'));
  const at = (...parts: string[]) => path.join(folder, ...parts);
  const hops = new Map<string, Weather>();
  const devices = new Map<string, RunningProgram>();
  const configurations = new Map<string, string>();
  let distributor: RunningProgram;
  let isMounted = false;

  const state = ['--state', at('state'), '--store', `file://${at('store')}`];
  const show = async () => {
    const { rollouts } = await mustCallDistributor<Shown>('rollout', 'show', 'shop', ...state);
    return { status: rollouts[0]?.status, ...rollouts[0]?.waves[0] };
  };
  const attemptOf = async (id: string) => {
    const why = await mustCallDistributor<Why>('why', id, ...state);
    return { ...why.rollouts[0]?.attempt, next: why.decision?.next };
  };
  const filler = () => at(small, 'device', 'filler');

  beforeAll(async () => {
    mkdirSync(at('app'), { recursive: true });
    mkdirSync(at('rollouts'));
    writeFileSync(at('app', 'server'), '#!/bin/sh\nexec sleep 1000\n');
    // Nothing that compresses: what is cut off in the middle has a middle.
    writeFileSync(at('app', 'page'), randomBytes(pageBytes));
    const platform = process.arch === 'arm64' ? 'linux/arm64' : 'linux/amd64';
    const components = [
      { name: 'server', kind: 'binary', source: './server' },
      { name: 'page', kind: 'file', source: './page' },
    ];
    const head = { apiVersion: 'slipway/v1', kind: 'Release', product: 'shop', version: '1.0.0', counter: 1 };
    writeFileSync(at('app', 'release.yaml'), JSON.stringify({ ...head, platform, components }));
    const where = ['--store', `file://${at('store')}`, '--keys', at('keys')];
    await mustCallPackager('init', ...where, '--product', 'shop', '--demo', '--root-out', at('root.json'));
    await mustCallPackager('build', at('app', 'release.yaml'), '--out', at('build'));
    await mustCallPackager('publish', at('build'), ...where, '--channel', 'stable');
    const spec = { product: 'shop', release: '1.0.0', waves: [{ name: 'all', percent: 100 }] };
    const abort = { failurePercent: 5, minFailures: 1 };
    const rollout = { apiVersion: 'slipway/v1', kind: 'Rollout', metadata: { name: 'shop' }, spec: { ...spec, abort } };
    writeFileSync(at('rollouts', 'shop.yaml'), JSON.stringify(rollout));

    distributor = new RunningProgram('slipway-distributor', [
      ...['serve', ...state, '--rollouts', at('rollouts'), '--listen', '127.0.0.1:0', '--log-level', 'error', '--json'],
    ]);
    const server = await listening(distributor);
    const tokenFile = await enrolmentToken(at('state'), ids.length);
    mkdirSync(at(small, 'device'), { recursive: true });
    isMounted = mountSmallDisk(at(small, 'device'));
    for (const id of ids) {
      const hop = await Weather.open(server, pageBytes / 3);
      hop.turn('dying');
      hops.set(id, hop);
      configurations.set(
        id,
        configureDevice(at(id), {
          ...{ deviceId: id, server: hop.url, developmentAllowHttp: true, trustedRoot: at('root.json') },
          enrolment: { tokenFile },
          poll: { intervalSeconds: 1 },
          download: { retryBaseSeconds: 0.05, retryCapSeconds: 0.1, maxAttemptsWithoutProgress: 3, stallSeconds: 5 },
        }),
      );
    }
  });

  afterAll(async () => {
    for (const device of devices.values()) await device.stop();
    await distributor?.stop();
    for (const hop of hops.values()) await hop.close();
    if (isMounted) execFileSync('umount', [at(small, 'device')]);
    rmSync(folder, { recursive: true, force: true });
  });

  it('complete the rollout by themselves when all is well, and nobody is rejected', { timeout: 300_000 }, async () => {
    for (const id of ids) {
      const configuration = configurations.get(id) ?? '';
      devices.set(id, new RunningProgram('slipway-edge', ['run', '--config', configuration]));
    }
    // The link dies for all of them in the middle of the download.
    await expect.poll(() => [...hops.values()].every(({ spoilt }) => spoilt > 0), patience).toBe(true);
    expect(await show()).toMatchObject({ status: 'active', failed: 0, committed: 0 });

    // It comes back for all of them together, with another trouble for three.
    if (isMounted) writeFileSync(filler(), randomBytes(freeBytesOf(at(small, 'device')) - 200_000));
    for (const [id, hop] of hops) hop.turn(id === forbidden ? 'forbidden' : id === portal ? 'portal' : 'clear');
    const held = isMounted ? 1 : 0;
    await expect
      .poll(show, patience)
      .toMatchObject({ status: 'active', committed: 4 - held, failed: 0, heldByPath: 2, heldByDevice: held });
    // One that is held tries again now and then, and says meanwhile that it downloads.
    await expect.poll(() => attemptOf(forbidden), patience).toMatchObject({ fault: 'path', code: 'server-refused' });
    await expect
      .poll(() => attemptOf(portal), patience)
      .toMatchObject({ fault: 'path', next: expect.stringContaining('bytes') });
    if (isMounted) {
      await expect.poll(() => attemptOf(small), patience).toMatchObject({ fault: 'device', code: 'disk-full' });
    }

    // All is well.
    if (isMounted) rmSync(filler());
    for (const hop of hops.values()) hop.turn('clear');
    await expect.poll(show, patience).toMatchObject({ status: 'completed', committed: 6, failed: 0, heldByPath: 0 });
    for (const id of ids) {
      const { printed } = await callEdgeJson('status', '--config', configurations.get(id) ?? '');
      expect(printed).toMatchObject({ rejected: [], current: { version: '1.0.0' } });
    }
    const events = await runCommand('slipway-distributor', ['events', ...state, '--json']);
    expect(events.stdout).toContain('"completed"');
    expect(events.stdout).not.toContain('"aborted"');
  });
});

/** A file system of its own, so small that it can be filled; false where this machine does not let us. */
function mountSmallDisk(place: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${smallDiskBytes},mode=0700`, 'tmpfs', place], {
      stdio: 'ignore',
    });
    return true;
  } catch {
    return false;
  }
}

function freeBytesOf(place: string): number {
  const [, line = ''] = execFileSync('df', ['--output=avail', '-B1', place], { encoding: 'utf8' }).trim().split('\n');
  return Number(line);
}
