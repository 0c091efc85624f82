/** A server whose state knows a million devices: it answers before it has counted them, and lists all of them. */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RunningProgram, runJson } from '../../infra/demo/programs.ts';
import { fillSqlite, tokenOf } from '../bench/fleet/known-fleet.ts';
import { checkOf, deviceName, fleetOnDisk } from '../bench/rollout/fleet-on-disk.ts';
import { listening } from '../journeys/small-shop.ts';

const devices = 1_000_000;
const patienceMs = 1_200_000;
/** A server holds pages, never the fleet. */
const maxPeakKilobytes = 700_000;

let folder: string;
let server: RunningProgram;
let url: string;
beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'million-devices-'));
  mkdirSync(path.join(folder, 'fleet'));
  const fleet = await fleetOnDisk(path.join(folder, 'fleet'), 0);
  await fillSqlite(path.join(folder, 'state'), devices, Date.now());
  server = new RunningProgram('slipway-distributor', [
    ...['serve', '--store', fleet.store, '--rollouts', fleet.rollouts, '--state', path.join(folder, 'state')],
    ...['--listen', '127.0.0.1:0', '--json'],
  ]);
  url = await listening(server);
}, patienceMs);
afterAll(async () => {
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const peakOf = (pid = 0) => Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);

it(
  'answers devices before it has drawn the first wave from all of them',
  async () => {
    const check = () =>
      fetch(`${url}/v1/devices/${deviceName(1)}/check`, {
        method: 'POST',
        headers: { authorization: `Bearer ${tokenOf(1)}`, 'content-type': 'application/json' },
        body: JSON.stringify(checkOf(1)),
      });
    expect(server.log).not.toContain('rollout advanced');
    expect((await check()).status).toBe(200);
    expect(server.log).not.toContain('rollout advanced');
    await expect.poll(() => server.log.includes('rollout advanced'), { timeout: patienceMs }).toBe(true);
  },
  patienceMs,
);

it(
  'shows the rollout with every device in it',
  async () => {
    const state = ['--state', path.join(folder, 'state')];
    const shown = await runJson<{ rollouts: { later: number; waves: { members: number; notAsked: number }[] }[] }>(
      'slipway-distributor',
      ['rollout', 'show', 'shop-2', ...state],
    );
    const [rollout] = shown.rollouts;
    const canary = rollout?.waves[0];
    expect(canary?.members).toBe(devices / 50);
    expect((rollout?.later ?? 0) + (canary?.notAsked ?? 0)).toBeGreaterThanOrEqual(devices - 1);
  },
  patienceMs,
);

it(
  'lists every device, page by page, in little memory',
  async () => {
    const program = path.join(import.meta.dirname, '../../dist/slipway-distributor.mjs');
    const listing = spawn(process.execPath, [program, 'device', 'ls', '--state', path.join(folder, 'state')], {
      stdio: ['ignore', 'pipe', 'inherit'],
      // A list that grew with the fleet would not fit.
      env: { ...process.env, NODE_OPTIONS: '--max-old-space-size=64' },
    });
    let lines = 0;
    for await (const piece of listing.stdout) {
      for (const byte of piece as Buffer) if (byte === 10) lines += 1;
    }
    // A heading above them.
    expect(lines).toBe(devices + 1);
    expect(peakOf(server.child.pid)).toBeLessThan(maxPeakKilobytes);
  },
  patienceMs,
);
