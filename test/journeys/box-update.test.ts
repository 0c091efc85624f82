/**
 * A K3s box from what its installer left to updates that go back with their data, in a real systemd: the stand-in of K3s
 * with its traps (test/stand-ins), and the updater in the sandbox of its unit. Bad releases migrate the datastore
 * before they fail.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { isLongRun, isWideRun, sampled } from '../sampling.ts';
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
const installedVersion = 'v1.33.9+k3s1';
const record = '/var/lib/slipway/adopted.json';

/** Each stores its objects in a version that the installed one cannot read. */
const releases = {
  good: { version: '1.33.10+k3s1', behaviour: { storageVersion: 1 } },
  exiting: { version: '1.34.1+k3s1', behaviour: { storageVersion: 2, ends: 'exits' } },
  crashing: { version: '1.34.2+k3s1', behaviour: { storageVersion: 2, ends: 'exits-later' } },
  hanging: { version: '1.34.3+k3s1', behaviour: { storageVersion: 2, ends: 'hangs' } },
  sick: { version: '1.34.4+k3s1', behaviour: { storageVersion: 2, ends: 'never-healthy' } },
  next: { version: '1.34.5+k3s1', behaviour: { storageVersion: 2 } },
  last: { version: '1.34.6+k3s1', behaviour: { storageVersion: 2 } },
} as const satisfies Record<string, { version: string; behaviour: Partial<Behaviour> }>;
type Release = keyof typeof releases;
/** All of them: `npm run test:long`. */
const tried: readonly Release[] = sampled(['sick', 'exiting', 'crashing', 'hanging'], isWideRun ? 2 : 1);
/** Of a large database: `npm test -- --wide`. */
const measured: readonly Release[] = isWideRun ? ['last'] : [];
/** In the order of their versions, as a channel and a device take them. */
const bad = (Object.keys(releases) as Release[]).filter((name) => tried.includes(name));

/** As adopting wrote it before there was an actor. */
const earlierDropIn = `[Service]
ReadWritePaths=${data}
CapabilityBoundingSet=CAP_CHOWN CAP_FOWNER CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH CAP_SYS_PTRACE
`;

/** Rows of the datastore in order, and the files that K3s compares with it. */
const dump = `
const { DatabaseSync } = require('node:sqlite'); const { readFileSync } = require('node:fs');
const rows = new DatabaseSync('${data}/server/db/state.db').prepare('select id, name, value from kine order by id').all();
const files = ['server/token', 'server/tls/service.key', 'server/cred/passwd'].map((f) => readFileSync('${data}/' + f, 'utf8'));
console.log(JSON.stringify({ rows: rows.map(({ id, name, value }) => [id, name, String(value)]), files }));`;

/** Fifty megabytes of rows, as in a cluster that has run for a while. */
const fill = `
const { DatabaseSync } = require('node:sqlite'); const { randomBytes } = require('node:crypto');
const database = new DatabaseSync('${data}/server/db/state.db', { timeout: 10000 });
const put = database.prepare("insert into kine (name, created, value) values ('/registry/pods/default/web', 1, ?)");
database.exec('begin'); for (let i = 0; i < 50; i++) put.run(randomBytes(1024 * 1024)); database.exec('commit'); database.close();`;

describeUnless(missing, 'a K3s box that is adopted', () => {
  const shop = new BundleShop('k3s-edge');
  let machine: SystemdMachine;
  let untouched: string;
  let newer: Awaited<ReturnType<typeof dumped>>;

  beforeAll(async () => {
    makeK3s(shop.at('releases', 'installed'), {
      ...{ version: installedVersion, nodeName: 'box-1', installed: inMachine('installed') },
    });
    await shop.init();
    for (const release of ['good', ...bad, 'next', ...measured] as const) await publish(release);
    machine = await shop.boot();
    await machine.ask('install', '-m', '755', '/srv/releases/installed/k3s', '/usr/local/bin/k3s');
    await machine.write('/etc/rancher/k3s/config.yaml', `data-dir: ${data}\n`);
    await machine.write('/etc/systemd/system/k3s.service', k3sUnit);
    await machine.write('/etc/slipway/edge.yaml', k3sConfiguration({ successes: 2, soakSeconds: 0.4 }));
    await machine.ask('systemctl', 'enable', '--now', 'k3s.service');
    untouched = await filesOfOthers();
  });
  afterAll(async () => {
    await machine?.stop();
    shop.remove();
  });

  it('runs on as it was, over a link into a slot of what was installed', async () => {
    const before = await machine.property('k3s', 'InvocationID');
    const installed = await machine.ask('sha256sum', '/usr/local/bin/k3s');
    const adopted = JSON.parse(await machine.ask('slipway-edge', 'adopt', '--json'));
    expect(adopted.adopted).toMatchObject({ distribution: 'k3s', unit: 'k3s.service', dataDir: data });
    expect(adopted.current.version).toBe('1.33.9+k3s1');
    expect(await machine.ask('readlink', '/usr/local/bin/k3s')).toBe('/var/lib/slipway/current/bin/k3s');
    expect(await machine.ask('sha256sum', '/usr/local/bin/k3s')).toBe(installed);
    expect(await machine.property('k3s', 'InvocationID')).toBe(before);
    expect(await machine.property('k3s', 'DropInPaths')).toContain('50-slipway.conf');
    // A second time changes nothing.
    expect(JSON.parse(await machine.ask('slipway-edge', 'adopt', '--json'))).toEqual(adopted);
    expect(await machine.property('slipway-actor.socket', 'ActiveState')).toBe('active');
  });

  it('goes to a good release by an adoption of before there was an actor, with its data', async () => {
    await machine.ask('systemctl', 'disable', '--now', 'slipway-actor.socket', 'slipway-actor.service');
    await machine.ask('sh', '-c', 'rm -r /etc/systemd/system/slipway-actor.* /etc/slipway/actor');
    const { actor: _, configuration: __, ...earlier } = JSON.parse(await machine.ask('cat', record));
    await machine.write(record, JSON.stringify(earlier), '600');
    const before = await dumped();
    expect(await install('good', earlierDropIn)).toMatchObject({
      exitCode: 0,
      printed: { attempt: { outcome: 'committed' } },
    });
    await expectRunning('v1.33.10+k3s1');
    expect((await dumped()).rows.slice(0, before.rows.length)).toEqual(before.rows);
  });

  it('is carried over to two units when it is adopted again: the updater has no capability then', async () => {
    const dropIn = '/etc/systemd/system/slipway-edge.service.d/50-slipway-box.conf';
    await machine.write(dropIn, earlierDropIn);
    await machine.ask('slipway-edge', 'adopt');
    expect(JSON.parse(await machine.ask('cat', record))).toMatchObject({ actor: '/run/slipway/actor.sock' });
    expect(await machine.property('slipway-edge', 'CapabilityBoundingSet')).toBe('');
    expect(await machine.property('slipway-edge', 'ReadWritePaths')).toBe('/var/lib/slipway');
    expect(await machine.ask('stat', '--format=%a %U', '/run/slipway/actor.sock')).toBe('600 root');
  });

  it.each(bad)('is back on the old release with the old data after one that migrates and is %s', async (release) => {
    const before = await dumped();
    const links = await machine.ask('sh', '-c', `readlink ${data}/data/current`);
    const { exitCode, printed } = await install(release);
    expect(exitCode).toBe(8);
    expect(JSON.stringify(printed)).toContain('the data is that of');
    await expectRunning('v1.33.10+k3s1');
    const after = await dumped();
    // The old release has been started once more, and nothing else has happened to its data.
    expect(after.rows.slice(0, before.rows.length)).toEqual(before.rows);
    expect(after.rows.slice(before.rows.length).map((row) => row.slice(1))).toEqual([
      ['/registry/started', 'v1.33.10+k3s1'],
    ]);
    expect(after.files).toEqual(before.files);
    expect(await machine.ask('sh', '-c', `readlink ${data}/data/current`)).toBe(links);
    expect((await machine.run(['test', '-e', '/var/lib/slipway/hold'])).exitCode).not.toBe(0);
  });

  it('is held by its unit while an update has it down, whatever starts it', async () => {
    await machine.write('/var/lib/slipway/hold', 'as an update sets it\n');
    await machine.ask('sh', '-c', `kill -KILL ${await machine.property('k3s', 'MainPID')}`);
    await until('the end of the unit', async () => (await machine.property('k3s', 'ActiveState')) !== 'active');
    await machine.ask('systemctl', 'start', 'k3s.service');
    expect(await machine.property('k3s', 'ActiveState')).toBe('inactive');
    // What finds it held at boot ends that, without an actor: no update is under way. systemd starts the unit itself.
    await machine.ask('systemctl', 'stop', 'slipway-actor.socket', 'slipway-actor.service');
    expect(await machine.property('slipway-actor', 'Result')).toBe('success');
    await machine.ask('systemctl', 'start', 'slipway-edge-boot.service');
    expect(await machine.property('slipway-actor.socket', 'ActiveState')).toBe('inactive');
    expect(await machine.property('slipway-edge-boot', 'Result')).toBe('success');
    await machine.ask('systemctl', 'start', 'k3s.service');
    await expectRunning('v1.33.10+k3s1');
  });

  it('is told of and left alone where an installer put its program over the link', async () => {
    await machine.ask(
      'sh',
      '-c',
      'cp /srv/releases/installed/k3s /usr/local/bin/k3s.new && mv -f /usr/local/bin/k3s.new /usr/local/bin/k3s',
    );
    const { exitCode, printed } = await install('next');
    expect(printed).toMatchObject({ error: { code: 'unit-not-ours' } });
    expect(exitCode).toBe(7);
    await machine.ask('systemctl', 'restart', 'k3s.service');
    expect(JSON.parse(await machine.ask('slipway-edge', 'adopt', '--json')).current.version).toBe('1.33.9+k3s1');
    await expectRunning(installedVersion);
  });

  it('goes over a minor step although its actor is killed meanwhile, and back by hand with the data of before', async () => {
    const before = await dumped();
    const kills = 'for i in 1 2 3; do systemctl kill --signal=KILL slipway-actor; sleep 0.5; done';
    const killer = `until test -e /var/lib/slipway/hold; do sleep 0.05; done; ${kills}`;
    await machine.ask('systemd-run', '--unit', 'killer', 'sh', '-c', killer);
    expect((await install('next')).exitCode).toBe(0);
    await expectRunning('v1.34.5+k3s1');
    expect(await machine.ask('journalctl', '--unit', 'slipway-actor')).toContain('status=9/KILL');
    newer = await dumped();
    const back = await machine.run(['slipway-edge', 'rollback', '--yes', '--json']);
    expect(back.exitCode).toBe(0);
    await expectRunning(installedVersion);
    expect((await dumped()).rows.slice(0, before.rows.length)).toEqual(before.rows);
  });

  it('takes that rollback back by hand, with the data that lay aside, once it is told what that sets aside', async () => {
    const asked = await machine.run(['slipway-edge', 'rollback', '--undo', '--json']);
    expect([asked.exitCode, asked.stdout]).toEqual([2, expect.stringContaining('what was stored since')]);
    const undone = await machine.run(['slipway-edge', 'rollback', '--undo', '--yes', '--json']);
    expect([undone.exitCode, undone.stdout]).toEqual([0, expect.stringContaining('committed')]);
    await expectRunning('v1.34.5+k3s1');
    expect((await dumped()).rows.slice(0, newer.rows.length)).toEqual(newer.rows);
    expect((await machine.run(['slipway-edge', 'rollback', '--yes', '--json'])).exitCode).toBe(0);
    await expectRunning(installedVersion);
  });

  it.each(
    measured,
  )('is down for its data alone, and its two units take little at rest: both are printed', async (last) => {
    await machine.ask('node', '--no-warnings', '-e', fill);
    await machine.ask('systemctl', 'restart', 'k3s.service');
    await expectRunning(installedVersion);
    const { current } = JSON.parse(await machine.ask('slipway-edge', 'status', '--json'));
    expect(current.version).toBe('1.33.9+k3s1');
    expect((await machine.run(['slipway-edge', 'rollback', '--undo', '--yes', '--json'])).exitCode).toBe(0);
    const undone = await secondsDown();
    expect((await machine.run(['slipway-edge', 'rollback', '--yes', '--json'])).exitCode).toBe(0);
    const back = await secondsDown();
    expect((await machine.run(['slipway-edge', 'check-now', '--retry-rejected', '--json'])).exitCode).not.toBe(0);
    expect((await install(last)).exitCode).toBe(0);
    const updated = await secondsDown();
    await expectRunning('v1.34.6+k3s1');
    const bytes = await machine.ask('stat', '--format=%s', `${data}/server/db/state.db`);
    tell(`a database of ${bytes} bytes: down ${updated} s in an update, ${back} s going back, ${undone} s in an undo`);

    await machine.ask('systemctl', 'start', 'slipway-edge');
    await machine.ask('slipway-edge', 'status');
    await pause(isLongRun ? 60_000 : 2000);
    const units = await Promise.all(['slipway-edge', 'slipway-actor'].map(residentOf));
    tell(`resident at rest: the updater ${units[0]} kB, its actor ${units[1]} kB`);
    await machine.ask('systemctl', 'stop', 'slipway-edge');
    expect((await machine.run(['slipway-edge', 'rollback', '--yes', '--json'])).exitCode).toBe(0);
    await expectRunning(installedVersion);
  });

  it('is given back as it was', async () => {
    await machine.ask('slipway-edge', 'unadopt');
    expect(await filesOfOthers()).toBe(untouched);
    const [now, then] = ['/usr/local/bin/k3s', '/srv/releases/installed/k3s'];
    expect((await machine.ask('sha256sum', now)).split(' ')[0]).toBe(
      (await machine.ask('sha256sum', then)).split(' ')[0],
    );
    expect(await machine.ask('stat', '--format=%F %a %U', now)).toBe('regular file 755 root');
    expect(await machine.property('k3s', 'DropInPaths')).toBe('');
    expect((await machine.run(['test', '-e', `${data}/slipway`])).exitCode).not.toBe(0);
    await machine.ask('systemctl', 'restart', 'k3s.service');
    await expectRunning(installedVersion);
  });

  async function publish(name: Release): Promise<void> {
    const { version, behaviour } = releases[name];
    const { program } = makeK3s(shop.at('releases', name), {
      ...{ version: `v${version}`, nodeName: 'box-1', behaviour, installed: inMachine(name) },
    });
    const counter = Object.keys(releases).indexOf(name) + 1;
    await shop.publish(name, { version, counter, component: 'k3s', file: program });
  }

  /** What lies among the files of systemd, of configuration and of the machine's present boot: names, modes, contents. */
  async function filesOfOthers(): Promise<string> {
    const folders = ['/etc/systemd/system', '/etc/slipway', '/run/slipway', '/var/cache/slipway-actor'];
    const script = `find $@ ! -path "*/ask.service*" \\( -type f -exec sha256sum {} + -o -printf "%p %M %l\\n" \\) 2>/dev/null | sort`;
    return machine.ask('sh', '-c', script, 'sh', ...folders);
  }

  const install = (release: Release, dropIn?: string) => installBundle(machine, release, dropIn);

  /** From when systemd began to stop the unit until it was to start, as systemd has it. */
  async function secondsDown(): Promise<number> {
    const at = async (name: string) => Number(await machine.property('k3s', `${name}Monotonic`));
    return ((await at('InactiveExitTimestamp')) - (await at('ActiveExitTimestamp'))) / 1e6;
  }

  /** VmRSS of proc(5); 0 where nothing runs. */
  async function residentOf(unit: string): Promise<number> {
    const pid = await machine.property(unit, 'MainPID');
    const { stdout } = await machine.run(['sed', '-n', 's/^VmRSS:\\s*\\([0-9]*\\) kB/\\1/p', `/proc/${pid}/status`]);
    return Number(stdout);
  }

  function tell(what: string): void {
    process.stderr.write(`an adopted box: ${what}\n`);
  }

  async function dumped(): Promise<{ rows: [number, string, string][]; files: string[] }> {
    return JSON.parse(await machine.ask('node', '--no-warnings', '-e', dump));
  }

  async function expectRunning(version: string): Promise<void> {
    await until(`${version}`, async () => {
      const { stdout } = await machine.run(['cat', `${data}/running-version`]);
      return stdout === version && (await machine.property('k3s', 'ActiveState')) === 'active';
    });
  }

  async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
    for (const deadline = Date.now() + 30_000; !(await isSo()); await pause(100)) {
      if (Date.now() < deadline) continue;
      throw new Error(`waited in vain for ${what}:\n${await machine.ask('journalctl', '--no-pager', '--lines', '60')}`);
    }
  }
});
