/**
 * The box as the updater finds it under a real systemd, from inside the sandbox of its unit and by hand: stand-ins of K3s
 * and K0s in units that are shaped like those of their installers.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { missingCommands } from '../services/commands.ts';
import { describeUnless } from '../services/requirement.ts';
import { askInSandbox } from '../services/sandboxed-unit.ts';
import { type SystemdService, systemdService } from '../services/systemd.ts';
import { SystemdMachine } from '../services/systemd-machine.ts';
import { makeK0s } from '../stand-ins/k0s/release.ts';
import { makeK3s } from '../stand-ins/k3s/release.ts';
import { k3sUnit } from '../stand-ins/k3s/unit.ts';
import { commandsOfStandIns } from '../stand-ins/launcher.ts';

const service = systemdService();
const missing = 'unavailable' in service ? service.unavailable : missingCommands(...commandsOfStandIns);
const project = path.join(import.meta.dirname, '..', '..');
const releases = '/srv/releases';
const inMachine = (folder: string) => ({
  ...{ folder: `${releases}/${folder}`, node: '/usr/local/bin/node', sources: '/opt/slipway/test/stand-ins' },
});

const configuration = {
  ...{ server: 'https://localhost:8443', product: 'shop', deviceId: 'shop-1', trustedRoot: '/etc/slipway/root.json' },
  health: { command: ['true'] },
};

describeUnless(missing, 'the box of a machine with systemd', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'slipway-box-'));
  let machine: SystemdMachine;
  let payload = '';

  beforeAll(async () => {
    const k3s = { version: 'v1.33.9+k3s1', nodeName: 'box-1', installed: inMachine('k3s') };
    payload = makeK3s(path.join(folder, 'k3s'), k3s).payloadHash;
    const k0s = makeK0s(path.join(folder, 'k0s'), {
      version: 'v1.33.9+k0s.0',
      nodeName: 'box-2',
      installed: inMachine('k0s'),
    });
    const environment = Object.entries(k0s.environment).map((pair) => `Environment=${pair.join('=')}`);
    const start = 'ExecStart=/usr/local/bin/k0s controller --single=true --data-dir=/data/k0s';
    writeFileSync(path.join(folder, 'k0s.unit'), ['[Service]', ...environment, start, ''].join('\n'));
    machine = await SystemdMachine.boot((service as SystemdService).root, {
      '/usr/local/bin/node': process.execPath,
      '/opt/slipway': project,
      [releases]: folder,
    });
    await machine.ask('ln', '-s', '/opt/slipway/dist/slipway-edge.mjs', '/usr/local/bin/slipway-edge');
    await machine.ask('ln', '-s', `${releases}/k3s/k3s`, '/usr/local/bin/k3s');
    await machine.ask('ln', '-s', `${releases}/k0s/k0s`, '/usr/local/bin/k0s');
    await machine.write('/etc/systemd/system/k3s.service', k3sUnit);
  });
  afterAll(async () => {
    await machine?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  async function status(unit: string, box: object | undefined = undefined) {
    const asked = { ...configuration, service: { manager: 'systemd', unit }, ...(box ? { box } : {}) };
    await machine.write('/etc/slipway/edge.yaml', JSON.stringify(asked));
    return JSON.parse(await machine.ask('slipway-edge', 'status', '--json'));
  }

  it('is a K3s that runs from what it unpacked, with the data that its environment file and configuration name', async () => {
    await machine.write('/etc/systemd/system/k3s.service.env', "K3S_CONFIG_FILE='/etc/k3s/box.yaml'\n", '600');
    await machine.write('/etc/k3s/box.yaml', 'data-dir: /old\n');
    await machine.write('/etc/k3s/box.yaml.d/10.yaml', 'data-dir: /data/k3s\n');
    await machine.ask('systemctl', 'enable', '--now', 'k3s.service');
    expect((await status('k3s.service')).box).toEqual({
      ...{ distribution: 'k3s', role: 'server', unit: 'k3s.service', program: '/usr/local/bin/k3s' },
      ...{ dataDir: '/data/k3s', version: 'v1.33.9+k3s1', payload, nodeName: 'box-1', datastore: { kind: 'sqlite' } },
      configuration: ['/etc/k3s/box.yaml', '/etc/k3s/box.yaml.d'],
    });
    expect(await machine.ask('slipway-edge', 'status')).toContain('k3s v1.33.9+k3s1, server, node box-1');
  });

  it('has no version for the updater in its unit, which may not look at the process', async () => {
    const seen = await statusInSandbox();
    expect(seen.box).toMatchObject({ role: 'server', dataDir: '/data/k3s', nodeName: 'box-1' });
    expect(seen.box.version).toBeUndefined();
  });

  it('keeps what it is while nothing runs, but for the version', async () => {
    await machine.ask('systemctl', 'stop', 'k3s.service');
    const { box } = await status('k3s.service');
    expect(box).toMatchObject({ role: 'server', dataDir: '/data/k3s', nodeName: 'box-1' });
    expect(box.version).toBeUndefined();
  });

  it('is refused where a unit runs something else under the name of K3s', async () => {
    const dropIn = '[Service]\nType=simple\nExecStart=\nExecStart=/bin/sleep infinity\n';
    await machine.write('/etc/systemd/system/k3s.service.d/10-sleep.conf', dropIn);
    await machine.ask('systemctl', 'daemon-reload');
    await machine.ask('systemctl', 'start', 'k3s.service');
    const found = await status('k3s.service');
    expect(found).toMatchObject({ boxTrouble: { code: 'box-ambiguous' } });
    expect(found.box).toBeUndefined();
  });

  it('is a K0s by its own word, once that is the one that runs', async () => {
    await machine.write('/etc/systemd/system/k0scontroller.service', await machine.ask('cat', `${releases}/k0s.unit`));
    await machine.ask('systemctl', 'daemon-reload');
    await machine.ask('systemctl', 'start', 'k0scontroller.service');
    expect(await status('k3s.service')).toMatchObject({ boxTrouble: { code: 'box-ambiguous' } });
    await machine.ask('systemctl', 'disable', '--now', 'k3s.service');
    const box = await untilVersion(() => status('k0scontroller.service'));
    expect(box).toEqual({
      ...{
        distribution: 'k0s',
        role: 'controller+worker',
        unit: 'k0scontroller.service',
        program: '/usr/local/bin/k0s',
      },
      ...{ dataDir: '/data/k0s', version: 'v1.33.9+k0s.0', nodeName: 'box-2', datastore: { kind: 'sqlite' } },
      configuration: ['/etc/k0s/k0s.yaml'],
    });
    expect((await statusInSandbox()).box).toEqual(box);
    const stated = { distribution: 'k3s', unit: 'k0scontroller.service' };
    expect(await status('k0scontroller.service', stated)).toMatchObject({ boxTrouble: { code: 'box-contradicted' } });
  });

  /** From a unit with everything that the shipped one forbids itself. */
  async function statusInSandbox() {
    return JSON.parse((await askInSandbox(machine, 'slipway-edge status --json')).stdout);
  }

  /** K0s does not say when it is ready. */
  async function untilVersion(look: () => Promise<{ box?: { version?: string } }>) {
    for (const deadline = Date.now() + 30_000; ; await pause(100)) {
      const found = await look();
      if (found.box?.version !== undefined) return found.box;
      if (Date.now() > deadline) throw new Error(JSON.stringify(found));
    }
  }
});
