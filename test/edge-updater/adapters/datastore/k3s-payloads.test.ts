/** A payload is unpacked by K3s' own program beside the others: whole or not there, and nothing under the running one is moved. */
import { spawn } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { K3sPayloads } from '../../../../edge-updater/adapters/datastore/k3s-payloads.ts';
import { type PayloadUse, useOfPayload } from '../../../../edge-updater/adapters/datastore/users-of-payloads.ts';
import { runBounded } from '../../../../edge-updater/adapters/preflight/linux-preflight.ts';
import type { ProgramRun } from '../../../../edge-updater/preflight/facts.ts';
import { never } from '../../../fakes/edge-device.ts';
import { missingCommands } from '../../../services/commands.ts';
import { describeUnless } from '../../../services/requirement.ts';
import { makeK3s } from '../../../stand-ins/k3s/release.ts';

const [older, newer] = ['a'.repeat(64), 'b'.repeat(64)] as [string, string];
let folder: string;
/** How the program ends, and whether it unpacks what the release names. */
let ending: ProgramRun;
let unpacks: string | undefined;
let runs: string[][];
/** What a process means that may not be looked at. */
let hiddenMeans: PayloadUse;
const at = (...parts: string[]) => path.join(folder, 'k3s', ...parts);

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'payloads-'));
  lay(at(), older);
  [ending, unpacks, runs] = [{ kind: 'ended', status: 1, stdout: '', stderr: 'unknown flag: --data-dir' }, newer, []];
  hiddenMeans = 'unused';
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** As K3s lays out what it has unpacked. */
function lay(dataDir: string, payload: string): void {
  mkdirSync(path.join(dataDir, 'data', payload, 'bin'), { recursive: true });
  writeFileSync(path.join(dataDir, 'data', payload, 'bin/k3s'), payload);
  mkdirSync(path.join(dataDir, 'data/cni'), { recursive: true });
  symlinkSync(path.join(dataDir, 'data', payload), path.join(dataDir, 'data/current'));
  symlinkSync(path.join(dataDir, 'data', payload, 'bin/cni'), path.join(dataDir, 'data/cni/bridge'));
}

/** The program of a release lies where its name says. */
const programOf = (release: string) => release;

function payloads(defaultDataDir = path.join(folder, 'default')): K3sPayloads {
  return new K3sPayloads({
    ...{ dataDir: at(), defaultDataDir, runDir: path.join(folder, 'run'), programOf },
    // Where the tests run, the first process may be nobody's to look at.
    useOf(...asked) {
      const use = useOfPayload(...asked);
      return use === 'unknown' ? hiddenMeans : use;
    },
    run: async (program, args, _, { K3S_DATA_DIR: scratch = '' }) => {
      runs.push([program, ...args]);
      if (unpacks !== undefined) lay(scratch, unpacks);
      return ending;
    },
  });
}

function links(): Record<string, string> {
  const names = ['data/current', 'data/previous', 'data/cni/bridge'].filter((name) =>
    existsSync(path.dirname(at(name))),
  );
  return Object.fromEntries(names.flatMap((name) => (exists(name) ? [[name, readlinkSync(at(name))]] : [])));
}

function exists(name: string): boolean {
  return readdirSync(path.dirname(at(name))).includes(path.basename(name));
}

const ofOlder = { 'data/current': '', 'data/cni/bridge': '/bin/cni' };
const linked = (payload: string) =>
  Object.fromEntries(Object.entries(ofOlder).map(([name, more]) => [name, at('data', payload) + more]));

describe('a payload', () => {
  it('is there before its release runs, and every link is as it was', async () => {
    await payloads().unpack('/slots/b/bin/k3s', newer, never);
    expect(existsSync(at('data', newer, 'bin/k3s'))).toBe(true);
    expect(links()).toEqual(linked(older));
    expect(readdirSync(at('data')).sort()).toEqual([older, newer, 'cni', 'current']);
    expect(runs).toEqual([
      ['/slots/b/bin/k3s', 'kubectl', `--data-dir=${at('data/.slipway-unpacking')}`, 'version', '--client'],
    ]);
    await payloads().unpack('/slots/b/bin/k3s', newer, never);
    expect(runs.length).toBe(1);
  });

  it('is linked as K3s does when its release starts, and again without a change', async () => {
    await payloads().unpack('k3s', newer, never);
    await payloads().link(newer);
    await payloads().link(newer);
    expect(links()).toEqual({ ...linked(newer), 'data/previous': at('data', older) });
  });

  it('that K3s unpacked and nobody flushed is unpacked anew', async () => {
    mkdirSync(at('data', newer, 'bin'), { recursive: true });
    writeFileSync(at('data', newer, 'bin/k3s'), '');
    await payloads().unpack('k3s', newer, never);
    expect(runs.length).toBe(1);
    expect(readdirSync(at('data', newer, 'bin'))).toEqual(['k3s']);
  });

  it('that runs already is left as it is', async () => {
    await payloads().unpack('k3s', older, never);
    expect(runs).toEqual([]);
  });

  it('that is unpacked in the default place runs from there', async () => {
    lay(path.join(folder, 'default'), newer);
    await payloads().unpack('k3s', newer, never);
    expect([runs, existsSync(at('data', newer))]).toEqual([[], false]);
    expect(await payloads().roomFor(newer, 1000)).toBe(0);
  });

  it('needs as much room as the one that runs and a quarter, or four times its program', async () => {
    expect(await payloads().roomFor(newer, 1000)).toBe(80);
    rmSync(at('data/current'));
    expect(await payloads().roomFor(newer, 1000)).toBe(4000);
  });
});

describe('a payload that does not unpack', () => {
  it.each([
    [{ kind: 'ended', status: 1, stdout: '', stderr: 'write x: no space left on device' }, 'disk-full'],
    [{ kind: 'ended', status: 1, stdout: '', stderr: 'mkdir x: read-only file system' }, 'disk-read-only'],
    [{ kind: 'killed', signal: 'SIGKILL' }, 'memory-short'],
    [{ kind: 'not started', errno: 'EACCES', message: 'spawn EACCES' }, 'not-executable'],
    [{ kind: 'ended', status: 2, stdout: '', stderr: 'panic' }, 'program-broken'],
    [{ kind: 'ended', status: 0, stdout: '', stderr: '' }, 'program-broken'],
    [{ kind: 'silent', seconds: 60 }, 'io-error'],
  ] as const)('because of %j says %s and leaves nothing', async (run, code) => {
    [ending, unpacks] = [run, undefined];
    await expect(payloads().unpack('k3s', newer, never)).rejects.toMatchObject({ code });
    expect(readdirSync(at('data')).sort()).toEqual([older, 'cni', 'current']);
  });

  it('because it is another than the release names is the fault of the release', async () => {
    unpacks = 'c'.repeat(64);
    await expect(payloads().unpack('k3s', newer, never)).rejects.toMatchObject({ code: 'program-broken' });
  });
});

describe('of a release that is gone', () => {
  const tasks = () => path.join(folder, 'run/containerd/io.containerd.runtime.v2.task/k8s.io/0123');

  beforeEach(() => payloads().unpack('k3s', newer, never));

  it('a payload goes as well, and none that was there before', async () => {
    mkdirSync(at('data', 'c'.repeat(64)));
    await payloads().prune([]);
    expect(readdirSync(at('data')).sort()).toEqual([older, 'c'.repeat(64), 'cni', 'current']);
    expect(readdirSync(at('slipway/payloads'))).toEqual([]);
  });

  it('a payload stays that is wanted', async () => {
    await payloads().prune([newer]);
    expect(existsSync(at('data', newer))).toBe(true);
  });

  it('a payload stays that a link names', async () => {
    await payloads().link(newer);
    await payloads().prune([]);
    expect(existsSync(at('data', newer))).toBe(true);
  });

  it('a payload stays that a shim of containerd comes from', async () => {
    mkdirSync(tasks(), { recursive: true });
    writeFileSync(path.join(tasks(), 'shim-binary-path'), at('data', newer, 'bin/containerd-shim-runc-v2'));
    await payloads().prune([]);
    expect(existsSync(at('data', newer))).toBe(true);
  });

  it('a payload stays that a process runs from', async () => {
    copyFileSync('/bin/sleep', at('data', newer, 'bin/sleep'));
    const child = spawn(at('data', newer, 'bin/sleep'), ['60']);
    while (!readlinkSync(`/proc/${child.pid}/exe`).endsWith('bin/sleep')) await pause(5);
    await payloads().prune([]);
    child.kill();
    expect(existsSync(at('data', newer))).toBe(true);
  });
});

describeUnless(missingCommands('gcc'), 'the stand-in of K3s', () => {
  it('unpacks itself so, and does not start', async () => {
    const { program, payloadHash } = makeK3s(path.join(folder, 'release'), { version: 'v1.34.1+k3s1' });
    const real = new K3sPayloads({ dataDir: at(), programOf, run: runBounded });
    await real.unpack(program, payloadHash, never);
    expect(existsSync(at('data', payloadHash, 'behaviour.json'))).toBe(true);
    expect(links()).toEqual(linked(older));
    await real.link(payloadHash);
    expect(links()).toEqual({ ...linked(payloadHash), 'data/previous': at('data', older) });
    expect(existsSync(at('agent'))).toBe(false);
  });
});
