/**
 * A K3s under a real systemd, updated from bundles with the health that an edge.yaml without a probe has: the built programs
 * package stand-ins of K3s, say by themselves which K3s each is, and keep a release by its evidence or go back by it.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { isLongRun } from '../sampling.ts';
import { missingCommands } from '../services/commands.ts';
import { describeUnless } from '../services/requirement.ts';
import { askInSandbox } from '../services/sandboxed-unit.ts';
import { systemdService } from '../services/systemd.ts';
import type { SystemdMachine } from '../services/systemd-machine.ts';
import { makeK3s } from '../stand-ins/k3s/release.ts';
import { ClusterCertificates } from '../stand-ins/kubernetes/certificates.ts';
import type { KubeletFaults } from '../stand-ins/kubernetes/kubelet.ts';
import { commandsOfStandIns } from '../stand-ins/launcher.ts';
import { BundleShop, inMachine } from './bundle-shop.ts';

const service = systemdService();
const missing = 'unavailable' in service ? service.unavailable : missingCommands(...commandsOfStandIns);

/** The product's own numbers, and the K3s inside. */
const releases: Readonly<Record<string, { version: string; k3s: string; faults?: KubeletFaults }>> = {
  first: { version: '1.0.0', k3s: 'v1.33.8+k3s1' },
  unready: { version: '1.1.0', k3s: 'v1.33.9-rc9+k3s1', faults: { isNeverReady: true } },
  silent: { version: '1.2.0', k3s: 'v1.33.9-rc10+k3s1', faults: { hasStaleLease: true } },
  second: { version: '1.3.0', k3s: 'v1.33.9+k3s1' },
  agent: { version: '1.3.5', k3s: 'v1.33.10+k3s1' },
};

/** Both: `npm run test:long`. */
const ways = [
  ['unready', /^node: box-1 is not Ready \(KubeletNotReady\); passed: unit, api, kubelet/],
  ['silent', /^node: box-1: its lease of \S+ was not renewed since the start; passed: unit, api, kubelet/],
].filter(([release]) => isLongRun || release === 'silent') as [string, RegExp][];

const k3sUnit = (role: string) => `[Unit]
Description=Lightweight Kubernetes
[Service]
Type=notify
KillMode=process
Delegate=yes
TimeoutStartSec=0
Restart=always
RestartSec=5s
ExecStart=/usr/local/bin/k3s ${role}
`;

const configuration = (timeoutSeconds: number, unit: string) => ({
  ...{ server: 'https://localhost:8443', product: 'edge', deviceId: 'edge-1', trustedRoot: '/etc/slipway/root.json' },
  service: { manager: 'systemd', unit, stopTimeoutSeconds: 5 },
  health: { intervalSeconds: 0.5, successes: 2, soakSeconds: 1, timeoutSeconds },
});

describeUnless(missing, 'a K3s with the health of a box', () => {
  const shop = new BundleShop('edge');
  let machine: SystemdMachine;

  beforeAll(async () => {
    await shop.init();
    const cluster = new ClusterCertificates(shop.at('cluster'));
    for (const [index, [name, release]] of Object.entries(releases).entries()) {
      const { k3s, faults = {} } = release;
      const made = { version: k3s, nodeName: 'box-1', cluster, faults, installed: inMachine(name) };
      makeK3s(shop.at('releases', name), made);
      await publish(name, release.version, 10 * index + 1);
    }
    machine = await shop.boot();
    await machine.ask('ln', '-s', '/var/lib/slipway/current/bin/k3s', '/usr/local/bin/k3s');
    await machine.write('/etc/systemd/system/k3s.service', k3sUnit('server --node-name box-1'));
    await machine.ask('systemctl', 'daemon-reload');
  });
  afterAll(async () => {
    await machine?.stop();
    shop.remove();
  });

  it('is kept with its evidence: what runs, its API, its kubelet, its Node', async () => {
    const { attempt } = await install('first', 60);
    expect(attempt).toMatchObject({ outcome: 'committed' });
    expect(attempt.message).toBe(
      'unit: k3s.service runs v1.33.8+k3s1; api: /readyz says ok; kubelet: healthz says ok; node: box-1 is Ready at v1.33.8+k3s1',
    );
  });

  it.each(ways)('goes back from one whose Node is %s, by its evidence', async (release, why) => {
    const { error } = await install(release, 12);
    expect(error).toMatchObject({ code: 'health-timeout' });
    const { box, lastAttempt } = JSON.parse(await machine.ask('slipway-edge', 'status', '--json'));
    expect(box).toMatchObject({ version: 'v1.33.8+k3s1' });
    expect(lastAttempt).toMatchObject({ outcome: 'rolled-back', code: 'health-timeout' });
    expect(lastAttempt.message.replace(/^not healthy within 12 s: /, '')).toMatch(why);
  });

  it('is kept as the next one from inside the sandbox of the updater, for which its actor looks at the process', async () => {
    await configure(60, 'k3s.service');
    await machine.ask('slipway-edge', 'adopt');
    const { stdout } = await askInSandbox(machine, 'slipway-edge install /srv/bundles/second --json');
    const { attempt } = JSON.parse(stdout);
    expect(attempt.message).toBe(
      'unit: k3s.service runs v1.33.9+k3s1; api: /readyz says ok; kubelet: healthz says ok; node: box-1 is Ready at v1.33.9+k3s1',
    );
    await machine.ask('slipway-edge', 'unadopt');
    await machine.ask('ln', '-sfn', '/var/lib/slipway/current/bin/k3s', '/usr/local/bin/k3s');
  });

  it('waits at an agent as long as its server is away, beyond its time-out, and is kept when that is back', async () => {
    await machine.ask('systemctl', 'stop', 'k3s.service');
    const agent = k3sUnit('agent --node-name box-1 --server https://127.0.0.1:6443');
    await machine.write('/etc/systemd/system/k3s-agent.service', agent);
    await machine.ask('systemctl', 'daemon-reload');
    const started = Date.now();
    const installed = install('agent', 5, 'k3s-agent.service');
    const early = await Promise.race([installed, pause(10_000)]);
    expect(early).toBeUndefined();
    expect(await machine.property('k3s-agent.service', 'ActiveState')).toBe('activating');
    const server = ['/srv/releases/first/k3s', 'server', '--disable-agent', '--data-dir', '/srv/elsewhere'];
    await machine.ask('systemd-run', '--unit', 'elsewhere', ...server);
    const { attempt, error } = await installed;
    expect(error).toBeUndefined();
    expect(attempt).toMatchObject({ outcome: 'committed', version: '1.3.5' });
    expect(attempt.message).toContain('unit: k3s-agent.service runs v1.33.10+k3s1; api: /readyz says ok; kubelet: ');
    expect(Date.now() - started).toBeGreaterThan(7000);
  });

  it('is not kept where the unit starts something else than the release, healthy as that may be', async () => {
    await machine.ask('systemctl', 'stop', 'k3s-agent.service', 'elsewhere.service');
    await machine.ask('ln', '-sfn', '/srv/releases/first/k3s', '/usr/local/bin/k3s');
    await publish('third', '1.4.0', 100, 'second');
    const { error } = await install('third', 12);
    expect(error.message).toContain('unit: k3s.service runs k3s v1.33.8+k3s1, expected k3s v1.33.9+k3s1');
    await machine.ask('ln', '-sfn', '/var/lib/slipway/current/bin/k3s', '/usr/local/bin/k3s');
  });

  function configure(timeoutSeconds: number, unit: string): Promise<void> {
    return machine.write('/etc/slipway/edge.yaml', JSON.stringify(configuration(timeoutSeconds, unit)));
  }

  async function install(name: string, timeoutSeconds: number, unit = 'k3s.service') {
    await configure(timeoutSeconds, unit);
    const { stdout, stderr } = await machine.run(['slipway-edge', 'install', `/srv/bundles/${name}`, '--json']);
    try {
      return JSON.parse(stdout);
    } catch {
      throw new Error(stdout + stderr);
    }
  }

  function publish(name: string, version: string, counter: number, source = name): Promise<void> {
    return shop.publish(name, { version, counter, component: 'k3s', file: shop.at('releases', source, 'k3s') });
  }
});
