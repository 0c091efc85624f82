/** The etcd of a cluster is saved through stand-ins of K3s and K0s that run, and what they say of it is not believed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { etcdSaver } from '../../../../edge-updater/adapters/datastore/etcd-saver.ts';
import { runBounded } from '../../../../edge-updater/adapters/preflight/linux-preflight.ts';
import type { Adoption } from '../../../../edge-updater/adoption/adoption.ts';
import { adoptionOf } from '../../../fakes/adopted-box.ts';
import { never } from '../../../fakes/edge-device.ts';
import { missingCommands } from '../../../services/commands.ts';
import { describeUnless } from '../../../services/requirement.ts';
import { makeK0s } from '../../../stand-ins/k0s/release.ts';
import { type Behaviour, writeBehaviour } from '../../../stand-ins/k3s/behaviour.ts';
import { makeK3s } from '../../../stand-ins/k3s/release.ts';
import { commandsOfStandIns } from '../../../stand-ins/launcher.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'etcd-saver-'));
const at = (...parts: string[]) => path.join(folder, ...parts);
let running: ChildProcess | undefined;
let made = 0;
/** Each for another attempt, unless one is named. */
let saves = 0;
let releases: { readonly program: string; readonly k0s: string };

function makeReleases(): void {
  const behaviour = { storageVersion: 1, members: 3 };
  const { program: k0s } = makeK0s(at('k0s'), { version: 'v1.33.9+k0s.0', behaviour });
  releases = { program: makeK3s(at('k3s'), { version: 'v1.33.9+k3s1' }).program, k0s };
}

afterEach(end);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function end(): Promise<void> {
  const child = running;
  running = undefined;
  if (!child || child.exitCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

async function started(program: string, args: readonly string[], sign: string): Promise<void> {
  running = spawn(program, args, { stdio: 'ignore' });
  for (let tries = 0; !existsSync(sign); tries++, await pause(50)) if (tries > 300) throw new Error('waited in vain');
}

async function k3s(snapshots: Behaviour['snapshots'] = 'well') {
  const { program } = releases;
  writeBehaviour(at('k3s/payload'), { version: 'v1.33.9+k3s1', members: 3, snapshots });
  const dataDir = at(`k3s-${made++}`);
  await started(program, ['server', '--cluster-init', '--data-dir', dataDir], path.join(dataDir, 'running-version'));
  const adoption: Adoption = { ...adoptionOf(dataDir, at('none.yaml')), program, datastore: 'etcd', members: 3 };
  const saved = path.join(dataDir, 'server/db/snapshots');
  return { saver: etcdSaver(adoption, runBounded), saved };
}

async function k0s(settings: string) {
  const { k0s: program } = releases;
  const dataDir = at(`k0s-${made++}`);
  const socket = `${dataDir}.sock`;
  await started(program, ['controller', `--data-dir=${dataDir}`, `--status-socket=${socket}`], socket);
  const adoption: Adoption = {
    ...adoptionOf(dataDir, settings),
    ...{ distribution: 'k0s', role: 'controller', configuration: [settings], program, datastore: 'etcd', members: 3 },
  };
  const run: typeof runBounded = (file, args, ...rest) =>
    runBounded(file, [...args, `--status-socket=${socket}`], ...rest);
  return { saver: etcdSaver(adoption, run), saved: path.join(dataDir, 'slipway/cluster') };
}

describeUnless(missingCommands(...commandsOfStandIns), 'the etcd of a cluster', () => {
  beforeAll(makeReleases);

  it('of K3s is saved by what runs, and three that were saved so are kept; those of others stay', async () => {
    const { saver, saved } = await k3s();
    mkdirSync(saved, { recursive: true });
    writeFileSync(path.join(saved, 'etcd-snapshot-box-1-1'), 'of the schedule');
    for (const time of [1, 2, 3]) writeFileSync(path.join(saved, `slipway-box-1-100000000${time}`), 'earlier');
    const found = await saver.save('one', never);
    expect(await saver.save('one', never)).toEqual(found);
    expect(path.dirname(found?.file ?? '')).toBe(saved);
    expect(found?.bytes).toBeGreaterThan(4096);
    const names = readdirSync(saved).sort();
    expect(names).toEqual([
      'etcd-snapshot-box-1-1',
      'slipway-box-1-1000000002',
      'slipway-box-1-1000000003',
      path.basename(found?.file ?? ''),
    ]);
  });

  it.each([
    ['refuses', 'refused', /space exceeded/],
    ['says that it did and has not', 'none', /made no file/],
    ['makes an empty file', 'empty', /which is empty/],
  ] as const)('of a K3s that %s is told as not saved', async (_, snapshots, why) => {
    const { saver } = await k3s(snapshots);
    await expect(saver.save(`a-${saves++}`, never)).rejects.toMatchObject({
      code: 'datastore-not-saved',
      message: expect.stringMatching(why),
    });
  });

  it('of a K3s that does not run is told as not saved', async () => {
    const { saver } = await k3s();
    await end();
    await expect(saver.save(`a-${saves++}`, never)).rejects.toMatchObject({
      code: 'datastore-not-saved',
      message: expect.stringContaining('connection refused'),
    });
  });

  it('of K0s is saved beside its data, three are kept, and nothing is left of the making', async () => {
    const settings = at('k0s.yaml');
    writeFileSync(settings, 'spec: {}\n');
    const { saver, saved } = await k0s(settings);
    const files: string[] = [];
    for (let time = 0; time < 4; time++) files.push((await saver.save(`a-${saves++}`, never))?.file ?? '');
    const last = `a-${saves - 1}`;
    expect((await saver.save(last, never))?.file).toBe(files.at(-1));
    expect(readdirSync(saved).sort()).toEqual(files.slice(1).map((file) => path.basename(file)));
  });

  it('of a K0s without the configuration that backup opens is told as not saved', async () => {
    const { saver } = await k0s(at('absent.yaml'));
    await expect(saver.save(`a-${saves++}`, never)).rejects.toMatchObject({
      code: 'datastore-not-saved',
      message: expect.stringContaining('no such file'),
    });
  });
});
