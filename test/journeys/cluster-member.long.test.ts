/**
 * A K3s server that is one of three members of an etcd, in a real systemd: the etcd is saved before each update and named,
 * never put back by one box, and a box that has lost its actor takes no update until it has one again. The stand-in of
 * K3s has three members in its database and one machine.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { missingCommands } from '../services/commands.ts';
import { describeUnless } from '../services/requirement.ts';
import { systemdService } from '../services/systemd.ts';
import type { SystemdMachine } from '../services/systemd-machine.ts';
import type { Behaviour } from '../stand-ins/k3s/behaviour.ts';
import { makeK3s } from '../stand-ins/k3s/release.ts';
import { k3sUnit } from '../stand-ins/k3s/unit.ts';
import { commandsOfStandIns } from '../stand-ins/launcher.ts';
import { BundleShop, inMachine } from './bundle-shop.ts';
import { k3sData as data, installBundle, k3sConfiguration } from './k3s-box.ts';

const service = systemdService();
const missing = 'unavailable' in service ? service.unavailable : missingCommands(...commandsOfStandIns);
const etcd = `${data}/server/db/etcd/member/snap/db`;

const releases = {
  installed: { version: '1.33.9+k3s1', behaviour: {} },
  good: { version: '1.33.10+k3s1', behaviour: {} },
  sick: { version: '1.34.1+k3s1', behaviour: { ends: 'exits-later' } },
  last: { version: '1.34.2+k3s1', behaviour: {} },
} as const satisfies Record<string, { version: string; behaviour: Partial<Behaviour> }>;
type Release = keyof typeof releases;

describeUnless(missing, 'a member of a cluster that is adopted', () => {
  const shop = new BundleShop('k3s-edge');
  let machine: SystemdMachine;

  beforeAll(async () => {
    await shop.init();
    for (const [index, [name, { version, behaviour }]] of Object.entries(releases).entries()) {
      const made = { version: `v${version}`, nodeName: 'box-1', installed: inMachine(name) };
      const { program } = makeK3s(shop.at('releases', name), { ...made, behaviour: { ...behaviour, members: 3 } });
      if (name !== 'installed') await shop.publish(name, { version, counter: index, component: 'k3s', file: program });
    }
    machine = await shop.boot();
    await machine.ask('install', '-m', '755', '/srv/releases/installed/k3s', '/usr/local/bin/k3s');
    await machine.write('/etc/rancher/k3s/config.yaml', `data-dir: ${data}\ncluster-init: true\n`);
    await machine.write('/etc/systemd/system/k3s.service', k3sUnit);
    await machine.write('/etc/slipway/edge.yaml', k3sConfiguration({ successes: 3, soakSeconds: 1 }));
    await machine.ask('systemctl', 'enable', '--now', 'k3s.service');
    await machine.ask('slipway-edge', 'adopt');
  });
  afterAll(async () => {
    await machine?.stop();
    shop.remove();
  });

  it('is known as such', async () => {
    const { box } = JSON.parse(await machine.ask('slipway-edge', 'status', '--json'));
    expect(box).toMatchObject({ distribution: 'k3s', datastore: { kind: 'etcd', members: 3 } });
  });

  it('is updated after its etcd was saved, and the file is named', async () => {
    const { exitCode, printed } = await install('good');
    expect([exitCode, printed]).toMatchObject([0, { attempt: { outcome: 'committed' } }]);
    await expectRunning('v1.33.10+k3s1');
    const [, file = '', bytes] = /was saved: (\S+), (\d+) bytes/.exec(JSON.stringify(printed)) ?? [];
    expect(await machine.ask('stat', '--format=%s', file)).toBe(bytes);
  });

  it('is back on the old release after one that crashes, and its etcd is as it was', async () => {
    const before = await machine.ask('sha256sum', etcd);
    const { exitCode, printed } = await install('sick');
    expect([exitCode, JSON.stringify(printed)]).toEqual([
      8,
      expect.stringContaining("the datastore is the cluster's and stays as it is"),
    ]);
    await expectRunning('v1.33.10+k3s1');
    expect(await machine.ask('sha256sum', etcd)).toBe(before);
    expect((await machine.run(['test', '-e', '/var/lib/slipway/hold'])).exitCode).not.toBe(0);
  });

  it('runs on untouched while its actor is lost for good, says so, and is updated when there is one again', async () => {
    const started = await machine.property('k3s', 'InvocationID');
    await machine.ask('systemctl', 'stop', 'slipway-actor.socket', 'slipway-actor.service');
    await machine.ask('rm', '/etc/systemd/system/slipway-actor.socket');
    await machine.ask('systemctl', 'daemon-reload');
    for (const _ of [1, 2]) {
      const { exitCode, printed } = await install('last');
      expect([exitCode, printed]).toMatchObject([expect.any(Number), { error: { code: 'actor-unavailable' } }]);
      expect(exitCode).not.toBe(0);
    }
    expect(await machine.property('k3s', 'InvocationID')).toBe(started);
    await expectRunning('v1.33.10+k3s1');

    await machine.ask('slipway-edge', 'adopt');
    expect(await machine.property('slipway-actor.socket', 'ActiveState')).toBe('active');
    expect(await install('last')).toMatchObject({ exitCode: 0, printed: { attempt: { outcome: 'committed' } } });
    await expectRunning('v1.34.2+k3s1');
  });

  const install = (release: Release) => installBundle(machine, release);

  async function expectRunning(version: string): Promise<void> {
    for (const deadline = Date.now() + 60_000; ; await pause(200)) {
      const { stdout } = await machine.run(['cat', `${data}/running-version`]);
      if (stdout === version && (await machine.property('k3s', 'ActiveState')) === 'active') return;
      if (Date.now() > deadline) throw new Error(`waited in vain for ${version}: ${stdout} runs`);
    }
  }
});
