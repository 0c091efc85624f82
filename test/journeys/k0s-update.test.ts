/**
 * A K0s from what `k0s install` left through adopt, a good and a bad release, rollback and unadopt, in a real systemd: the
 * stand-in of K0s with its traps, and the updater in the sandbox of its unit.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { missingCommands } from '../services/commands.ts';
import { describeUnless } from '../services/requirement.ts';
import { askInSandbox } from '../services/sandboxed-unit.ts';
import { systemdService } from '../services/systemd.ts';
import type { SystemdMachine } from '../services/systemd-machine.ts';
import { makeK0s } from '../stand-ins/k0s/release.ts';
import { k0sUnit } from '../stand-ins/k0s/unit.ts';
import { commandsOfStandIns } from '../stand-ins/launcher.ts';
import { BundleShop, inMachine } from './bundle-shop.ts';

const service = systemdService();
const missing = 'unavailable' in service ? service.unavailable : missingCommands(...commandsOfStandIns);
const [data, settings] = ['/data/k0s', '/etc/k0s/k0s.yaml'];

const releases = {
  installed: { version: '1.33.8+k0s.0', behaviour: { storageVersion: 1 } },
  good: { version: '1.33.9+k0s.0', behaviour: { storageVersion: 1 } },
  bad: { version: '1.34.1+k0s.0', behaviour: { storageVersion: 2, ends: 'exits' } },
} as const;
type Release = keyof typeof releases;

const isHealthy = `test "$(cat ${data}/running-version)" = "$(/usr/local/bin/k0s version)" && test -S /run/k0s/status.sock`;
const configuration = {
  ...{
    server: 'https://localhost:8443',
    product: 'k0s-edge',
    deviceId: 'box-2',
    trustedRoot: '/etc/slipway/root.json',
  },
  service: { manager: 'systemd', unit: 'k0scontroller.service', stopTimeoutSeconds: 5 },
  health: {
    ...{ box: 'none', command: ['/bin/sh', '-c', isHealthy] },
    ...{ intervalSeconds: 0.2, successes: 2, soakSeconds: 0.4, timeoutSeconds: 5 },
  },
};

const dump = `
const { DatabaseSync } = require('node:sqlite');
const rows = new DatabaseSync('${data}/db/state.db').prepare('select id, name, value from kine order by id').all();
console.log(JSON.stringify(rows.map(({ id, name, value }) => [id, name, String(value)])));`;

describeUnless(missing, 'a K0s box that is adopted', () => {
  const shop = new BundleShop('k0s-edge');
  let machine: SystemdMachine;

  beforeAll(async () => {
    await shop.init();
    for (const release of Object.keys(releases) as Release[]) await publish(release);
    machine = await shop.boot();
    await machine.ask('install', '-m', '755', '/srv/releases/installed/k0s', '/usr/local/bin/k0s');
    await machine.write(settings, 'spec: {}\n');
    await machine.write('/etc/systemd/system/k0scontroller.service', k0sUnit);
    await machine.write('/etc/slipway/edge.yaml', JSON.stringify(configuration));
    await machine.ask('systemctl', 'enable', '--now', 'k0scontroller.service');
    await untilRunning('v1.33.8+k0s.0');
  });
  afterAll(async () => {
    await machine?.stop();
    shop.remove();
  });

  it('runs on over a link into a slot', async () => {
    const adopted = JSON.parse(await machine.ask('slipway-edge', 'adopt', '--json'));
    expect(adopted.adopted).toMatchObject({ distribution: 'k0s', unit: 'k0scontroller.service' });
    expect(JSON.parse(await machine.ask('cat', '/var/lib/slipway/adopted.json')).configuration).toEqual([settings]);
    expect(await machine.ask('readlink', '/usr/local/bin/k0s')).toBe('/var/lib/slipway/current/bin/k0s');
    expect(await machine.ask('slipway-edge', 'status')).toContain('adopted: updates go back with its data');
  });

  it('goes to a good release with its data, and stages what is inside it', async () => {
    const before = await rows();
    expect(await install('good')).toMatchObject({ exitCode: 0 });
    await untilRunning('v1.33.9+k0s.0');
    expect((await rows()).slice(0, before.length)).toEqual(before);
  });

  it('is back with its data and its settings after one that migrates and exits', async () => {
    const before = await rows();
    const { exitCode, printed } = await install('bad');
    expect([exitCode, printed]).toEqual([8, expect.stringContaining('the data is that of')]);
    await untilRunning('v1.33.9+k0s.0');
    const after = await rows();
    expect(after.slice(0, before.length)).toEqual(before);
    expect(after.slice(before.length).map((row) => row.slice(1))).toEqual([['/registry/started', 'v1.33.9+k0s.0']]);
    expect(await machine.ask('cat', settings)).toBe('spec: {}');
    expect(await machine.ask('cat', `${data}/slipway/aside/outside${settings}`)).toBe('spec: {}\n# tried');
  });

  it('goes back by hand, and is given back', async () => {
    expect((await machine.run(['slipway-edge', 'rollback', '--yes', '--json'])).exitCode).toBe(0);
    await untilRunning('v1.33.8+k0s.0');
    await machine.ask('slipway-edge', 'unadopt');
    expect(await machine.ask('stat', '--format=%F', '/usr/local/bin/k0s')).toBe('regular file');
    await machine.ask('systemctl', 'restart', 'k0scontroller.service');
    await untilRunning('v1.33.8+k0s.0');
  });

  async function publish(name: Release): Promise<void> {
    const { version, behaviour } = releases[name];
    const installed = inMachine(name);
    const { program } = makeK0s(shop.at('releases', name), { version: `v${version}`, behaviour, installed });
    if (name === 'installed') return;
    const counter = Object.keys(releases).indexOf(name) + 1;
    await shop.publish(name, { version, counter, component: 'k0s', file: program });
  }

  async function install(release: Release): Promise<{ exitCode: number; printed: string }> {
    const dropIn = await machine.ask('cat', '/etc/systemd/system/slipway-edge.service.d/50-slipway-box.conf');
    const { exitCode, stdout } = await askInSandbox(
      machine,
      `slipway-edge install /srv/bundles/${release} --json`,
      dropIn,
    );
    return { exitCode, printed: stdout };
  }

  async function rows(): Promise<[number, string, string][]> {
    return JSON.parse(await machine.ask('node', '--no-warnings', '-e', dump));
  }

  async function untilRunning(version: string): Promise<void> {
    for (const deadline = Date.now() + 30_000; ; await pause(100)) {
      const { stdout } = await machine.run(['cat', `${data}/running-version`]);
      const isThere = (await machine.run(['test', '-S', '/run/k0s/status.sock'])).exitCode === 0;
      if (stdout === version && isThere) return;
      if (Date.now() < deadline) continue;
      throw new Error(`no ${version}:\n${await machine.ask('journalctl', '--no-pager', '--lines', '60')}`);
    }
  }
});
