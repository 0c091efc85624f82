/**
 * The programs as units of a real systemd, with the units of infra/systemd as they are shipped: a device updated by
 * bundles without a network, then by a distributor over TLS, and a publisher's refresh. The server that is updated has
 * a unit shaped like that of K3s.
 */
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Safeguards } from '../../contract/device-api/safeguards.ts';
import { missingCommands } from '../services/commands.ts';
import { describeUnless } from '../services/requirement.ts';
import { systemdService } from '../services/systemd.ts';
import type { SystemdMachine } from '../services/systemd-machine.ts';
import { BundleShop } from './bundle-shop.ts';

const run = promisify(execFile);
const service = systemdService();
const missing = 'unavailable' in service ? service.unavailable : missingCommands('openssl');
const versions = { first: '1.0.0', exiting: '1.1.0', hanging: '1.1.1', second: '1.2.0', online: '1.3.0' };
type Release = keyof typeof versions;

/** As in k3s.service, with the slot that is current as the place of the binary. */
const serverUnit = `[Unit]
Description=A server shaped like K3s
[Service]
Type=notify
NotifyAccess=all
KillMode=process
Delegate=yes
LimitNOFILE=1048576
TasksMax=infinity
TimeoutStartSec=0
Restart=always
RestartSec=5s
ExecStart=/var/lib/slipway/current/bin/server
[Install]
WantedBy=multi-user.target
`;

const configuration = {
  ...{ server: 'https://localhost:8443', caFile: '/etc/slipway/tls.crt', product: 'shop', deviceId: 'shop-1' },
  ...{ trustedRoot: '/etc/slipway/root.json', enrolment: { tokenFile: '/etc/slipway/enrolment-token' } },
  ...{ poll: { intervalSeconds: 1 }, download: { retryBaseSeconds: 0.2, retryCapSeconds: 0.5 } },
  service: { manager: 'systemd', unit: 'server.service', stopTimeoutSeconds: 1 },
  health: {
    command: ['{current}/bin/server', 'healthy'],
    ...{ intervalSeconds: 0.2, successes: 2, soakSeconds: 0.5, timeoutSeconds: 4 },
  },
};

/** It says which release runs, and is healthy where that is its own. */
function serverOf(release: Release): string {
  const version = versions[release];
  const start = [`echo ${version} > /run/server-version`, 'systemd-notify --ready', 'exec sleep infinity'];
  const lines = { ...{ first: start, second: start, online: start }, exiting: ['exit 7'], hanging: start.slice(2) }[
    release
  ];
  return ['#!/bin/sh', `[ "$1" = healthy ] && exec grep -qx ${version} /run/server-version`, ...lines, ''].join('\n');
}

const fieldsOf = (line: string) => line.trim().split(/\s+/);

describeUnless(missing, 'the updater under systemd', () => {
  const shop = new BundleShop('shop');
  let machine: SystemdMachine;

  beforeAll(async () => {
    await shop.init();
    for (const release of ['first', 'exiting', 'hanging', 'second'] as const) await publish(release);
    machine = await shop.boot({ '/etc/slipway/keys': shop.at('keys'), '/srv/store': shop.at('store') });
    await machine.write('/etc/systemd/system/server.service', serverUnit);
    await machine.write('/etc/slipway/edge.yaml', JSON.stringify(configuration));
    await writeCertificate();
    await machine.ask('systemctl', 'daemon-reload');
  });

  afterAll(() => machine?.stop());

  it('tells systemd that the daemon is ready, and what it does', async () => {
    await machine.ask('systemctl', 'start', 'slipway-edge');
    expect(await machine.property('slipway-edge', 'Type')).toBe('notify');
    expect(await machine.property('slipway-edge', 'ActiveState')).toBe('active');
    await until('a status of the daemon', async () => (await machine.property('slipway-edge', 'StatusText')) !== '');
    expect(await machine.property('slipway-edge', 'StatusText')).toMatch(/^idle: no release, /);
  });

  it('installs nothing by hand while the daemon runs', async () => {
    expect(await install('first')).toMatchObject({ exitCode: 9, printed: { error: { code: 'already-running' } } });
    await machine.ask('systemctl', 'stop', 'slipway-edge');
    expect(await machine.property('slipway-edge', 'Result')).toBe('success');
  });

  it('starts a unit that had nothing to run from the slot of the first release', async () => {
    const { exitCode, printed } = await install('first');
    expect(printed).toMatchObject({ attempt: { outcome: 'committed', version: versions.first } });
    expect(exitCode).toBe(0);
    await expectRunning('first');
  });

  it('brings the first release back when the server of the next one exits at once', async () => {
    const { exitCode, printed } = await install('exiting');
    expect(printed).toMatchObject({ error: { code: 'service-start-failed' } });
    expect(exitCode).toBe(8);
    await expectRunning('first');
  });

  it('brings the first release back when the server of the next one starts without end', async () => {
    const { exitCode, printed } = await install('hanging');
    expect(printed).toMatchObject({ error: { code: 'health-timeout' } });
    expect(exitCode).toBe(8);
    await expectRunning('first');
  });

  it('commits a good release after two bad ones', async () => {
    const { exitCode } = await install('second');
    expect(exitCode).toBe(0);
    await expectRunning('second');
  });

  it('restarts the unit from inside the sandbox of the daemon, when a distributor offers a release', async () => {
    const before = await machine.property('server', 'InvocationID');
    await publish('online');
    await startDistributor();
    await machine.ask('systemctl', 'start', 'slipway-edge');
    await until('the online release', async () => (await status()).current?.version === versions.online);
    await until('the end of the update', async () => (await status()).phase === 'idle');
    await expectRunning('online');
    expect(await machine.property('server', 'InvocationID')).not.toBe(before);
    expect((await status()).lastAttempt).toMatchObject({ outcome: 'committed', version: versions.online });
    expect(await machine.property('slipway-edge', 'NRestarts')).toBe('0');
  });

  it('tells the safeguards of the box from inside its sandbox as they are seen outside of it', async () => {
    const { safeguards } = await status();
    const show = ['device', 'show', 'shop-1', '--state', '/var/lib/slipway-distributor', '--json'];
    const { labels } = JSON.parse(await machine.ask('slipway-distributor', ...show));
    expect(labels).toEqual({
      'box.slipway.io/secure-boot': safeguards.secureBoot,
      'box.slipway.io/tpm': safeguards.tpm,
      'box.slipway.io/disk-encryption': safeguards.diskEncryption,
      'box.slipway.io/lockdown': safeguards.lockdown,
    });
  });

  it('is not to be reached from the network, as the distributor is', async () => {
    expect(await listeningSockets('slipway-distributor')).not.toEqual([]);
    expect(await listeningSockets('slipway-edge')).toEqual([]);
  });

  it('lets the server run when the daemon stops', async () => {
    await machine.ask('systemctl', 'stop', 'slipway-edge');
    expect(await machine.property('slipway-edge', 'Result')).toBe('success');
    await expectRunning('online');
  });

  it('signs a repository again as the timer does, in a folder that the unit may write', async () => {
    await machine.ask('cp', '--recursive', '/srv/store', '/srv/slipway');
    await machine.write('/etc/slipway/publisher.env', 'SLIPWAY_STORE=file:///srv/slipway\n', '600');
    const version = async () =>
      JSON.parse(await machine.ask('cat', '/srv/slipway/metadata/timestamp.json')).signed.version;
    const before = await version();
    await machine.ask('systemctl', 'start', 'slipway-refresh.timer', 'slipway-refresh.service');
    expect(await machine.property('slipway-refresh.timer', 'ActiveState')).toBe('active');
    expect(await version()).toBe(before + 1);
  });

  async function publish(name: Release): Promise<void> {
    const file = shop.at('releases', name);
    writeFileSync(file, serverOf(name), { mode: 0o755 });
    const counter = Object.keys(versions).indexOf(name) + 1;
    await shop.publish(name, { version: versions[name], counter, component: 'server', file });
  }

  async function install(release: Release): Promise<{ exitCode: number; printed: unknown }> {
    const { exitCode, stdout, stderr } = await machine.run([
      'slipway-edge',
      'install',
      `/srv/bundles/${release}`,
      '--json',
    ]);
    if (stdout === '') throw new Error(stderr);
    return { exitCode, printed: JSON.parse(stdout) };
  }

  async function status() {
    return JSON.parse(await machine.ask('slipway-edge', 'status', '--json')) as {
      phase: string;
      current?: { version: string };
      lastAttempt?: unknown;
      safeguards: Safeguards;
    };
  }

  /** Lines of /proc/net (proc_pid_net(5)) of the main process: TCP that listens, and UDP, which answers whoever asks. */
  async function listeningSockets(unit: string): Promise<string[]> {
    const pid = await machine.property(unit, 'MainPID');
    expect(Number(pid)).toBeGreaterThan(1);
    const open = await machine.ask('sh', '-c', `for fd in /proc/${pid}/fd/*; do readlink $fd || :; done`);
    const inodes = new Set([...open.matchAll(/^socket:\[(\d+)\]$/gm)].map(([, inode]) => inode));
    const lines = async (protocol: string) =>
      (await machine.ask('cat', `/proc/${pid}/net/${protocol}`)).split('\n').slice(1);
    const tcp = [...(await lines('tcp')), ...(await lines('tcp6'))].filter((line) => fieldsOf(line)[3] === '0A');
    const all = [...tcp, ...(await lines('udp')), ...(await lines('udp6'))];
    return all.filter((line) => inodes.has(fieldsOf(line)[9]));
  }

  /** What systemd runs is the binary of this release, below the slot that is current. */
  async function expectRunning(release: Release): Promise<void> {
    expect(await machine.property('server', 'ActiveState')).toBe('active');
    expect(await machine.ask('cat', '/run/server-version')).toBe(versions[release]);
    expect(await machine.ask('cat', '/var/lib/slipway/current/bin/server')).toBe(serverOf(release).trimEnd());
    expect((await status()).current?.version).toBe(versions[release]);
  }

  /** Signed by itself, so that the device has a reason to name it as caFile. */
  async function writeCertificate(): Promise<void> {
    const [certificate, key] = [shop.at('tls.crt'), shop.at('tls.key')];
    const subject = ['-days', '1', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
    await run('openssl', ['req', '-x509', ...curve, ...subject, '-keyout', key, '-out', certificate]);
    await machine.write('/etc/slipway/tls.crt', readFileSync(certificate, 'utf8'));
    await machine.write('/etc/slipway/tls.key', readFileSync(key, 'utf8'), '600');
  }

  /** As an operator sets one up: environment, rollout, and a token made while it runs. */
  async function startDistributor(): Promise<void> {
    await machine.write('/etc/slipway/distributor.env', 'SLIPWAY_STORE=file:///srv/store\n', '600');
    const spec = { product: 'shop', channel: 'stable', waves: [{ name: 'all', percent: 100 }] };
    const rollout = { apiVersion: 'slipway/v1', kind: 'Rollout', metadata: { name: 'shop' }, spec };
    await machine.write('/etc/slipway/rollouts/shop.yaml', JSON.stringify(rollout));
    await machine.ask('systemctl', 'start', 'slipway-distributor');
    await until('the distributor', async () => {
      const log = await machine.ask('journalctl', '--unit', 'slipway-distributor', '--output', 'cat');
      return log.includes('https://');
    });
    const create = ['enrolment-token', 'create', '--state', '/var/lib/slipway-distributor', '--json'];
    const { token } = JSON.parse(await machine.ask('slipway-distributor', ...create));
    await machine.write('/etc/slipway/enrolment-token', token, '600');
  }

  async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
    for (const deadline = Date.now() + 30_000; !(await isSo()); await pause(100)) {
      if (Date.now() < deadline) continue;
      throw new Error(`waited in vain for ${what}:\n${await machine.ask('journalctl', '--no-pager', '--lines', '40')}`);
    }
  }
});
