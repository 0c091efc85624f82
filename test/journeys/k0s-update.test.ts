/**
 * A K0s from what `k0s install` left through adopt, a good and a bad release, rollback and unadopt, in a real systemd: the
 * stand-in of K0s with its traps, and the updater in the sandbox of its unit.
 */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { packager } from '../fakes/packager-command.ts';
import { missingCommands } from '../services/commands.ts';
import { describeUnless } from '../services/requirement.ts';
import { sandboxedUnit } from '../services/sandboxed-unit.ts';
import { type SystemdService, systemdService } from '../services/systemd.ts';
import { SystemdMachine } from '../services/systemd-machine.ts';
import { makeK0s } from '../stand-ins/k0s/release.ts';
import { k0sUnit } from '../stand-ins/k0s/unit.ts';
import { commandsOfStandIns } from '../stand-ins/launcher.ts';

const service = systemdService();
const missing = 'unavailable' in service ? service.unavailable : missingCommands(...commandsOfStandIns);
const project = path.join(import.meta.dirname, '..', '..');
const unitFolder = path.join(project, 'infra', 'systemd');
const platform = process.arch === 'arm64' ? 'linux/arm64' : 'linux/amd64';
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
  const folder = mkdtempSync(path.join(tmpdir(), 'slipway-k0s-'));
  const inFolder = (...parts: string[]) => path.join(folder, ...parts);
  let machine: SystemdMachine;

  beforeAll(async () => {
    for (const name of ['bundles', 'releases']) mkdirSync(inFolder(name));
    const store = `file://${inFolder('store')}`;
    const init = ['--product', 'k0s-edge', '--demo', '--root-out', inFolder('root.json')];
    await packager(['init', '--store', store, '--keys', inFolder('keys'), ...init]);
    for (const release of Object.keys(releases) as Release[]) await publish(release, store);
    const units = readdirSync(unitFolder).filter((name) => name.startsWith('slipway-edge'));
    machine = await SystemdMachine.boot((service as SystemdService).root, {
      '/usr/local/bin/node': process.execPath,
      '/opt/slipway': project,
      ...Object.fromEntries(units.map((unit) => [`/etc/systemd/system/${unit}`, path.join(unitFolder, unit)])),
      '/etc/slipway/root.json': inFolder('root.json'),
      '/srv/releases': inFolder('releases'),
      '/srv/bundles': inFolder('bundles'),
    });
    await machine.ask('ln', '-s', '/opt/slipway/dist/slipway-edge.mjs', '/usr/local/bin/slipway-edge');
    await machine.ask('install', '-m', '755', '/srv/releases/installed/k0s', '/usr/local/bin/k0s');
    await machine.write(settings, 'spec: {}\n');
    await machine.write('/etc/systemd/system/k0scontroller.service', k0sUnit);
    await machine.write('/etc/slipway/edge.yaml', JSON.stringify(configuration));
    await machine.ask('systemctl', 'enable', '--now', 'k0scontroller.service');
    await untilRunning('v1.33.8+k0s.0');
  });
  afterAll(async () => {
    await machine?.stop();
    rmSync(folder, { recursive: true, force: true });
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

  async function publish(release: Release, store: string): Promise<void> {
    const { version, behaviour } = releases[release];
    const installed = {
      folder: `/srv/releases/${release}`,
      node: '/usr/local/bin/node',
      sources: '/opt/slipway/test/stand-ins',
    };
    const { program } = makeK0s(inFolder('releases', release), { version: `v${version}`, behaviour, installed });
    if (release === 'installed') return;
    const at = inFolder(`build-${release}`);
    mkdirSync(at);
    const declaration = {
      ...{ apiVersion: 'slipway/v1', kind: 'Release', product: 'k0s-edge', platform, version },
      counter: Object.keys(releases).indexOf(release) + 1,
      components: [{ name: 'k0s', kind: 'binary', source: program }],
    };
    writeFileSync(path.join(at, 'release.yaml'), JSON.stringify(declaration));
    await packager(['build', path.join(at, 'release.yaml'), '--out', path.join(at, 'build')]);
    const where = ['--store', store, '--channel'];
    await packager(['publish', path.join(at, 'build'), ...where, 'stable', '--keys', inFolder('keys')]);
    const channel = `k0s-edge/${platform.replace('/', '-')}/stable`;
    await packager(['bundle', ...where, channel, '--out', inFolder('bundles', release)]);
  }

  async function install(release: Release): Promise<{ exitCode: number; printed: string }> {
    const printed = '/var/lib/slipway/printed';
    const command = `slipway-edge install /srv/bundles/${release} --json > ${printed}; echo $$? >> ${printed}`;
    await machine.write('/etc/systemd/system/ask.service', sandboxedUnit(command));
    const dropIn = await machine.ask('cat', '/etc/systemd/system/slipway-edge.service.d/50-slipway-box.conf');
    await machine.write('/etc/systemd/system/ask.service.d/50-slipway-box.conf', dropIn);
    await machine.ask('systemctl', 'daemon-reload');
    await machine.ask('systemctl', 'start', 'ask.service');
    const lines = (await machine.ask('cat', printed)).split('\n');
    return { exitCode: Number(lines.at(-1)), printed: lines.slice(0, -1).join('\n') };
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
