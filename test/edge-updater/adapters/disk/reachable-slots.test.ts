/** Programs in slots can be started by whoever a service runs as, whatever the umask is; what is secret stays root's. */
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sha256 } from '../../../../contract/digest.ts';
import { encodeManifest, type ReleaseManifest } from '../../../../contract/release/manifest.ts';
import { InstanceLock } from '../../../../edge-updater/adapters/disk/instance-lock.ts';
import { JournalFile } from '../../../../edge-updater/adapters/disk/journal-file.ts';
import { SlotDirectory } from '../../../../edge-updater/adapters/disk/slot-directory.ts';
import { blankState } from '../../../../edge-updater/update/state.ts';
import { missingCommands } from '../../../services/commands.ts';
import { describeUnless } from '../../../services/requirement.ts';

const program = Buffer.from('#!/bin/sh\necho runs\n');
const digest = sha256(program);
const manifest: ReleaseManifest = {
  ...{ schemaVersion: 1, product: 'shop', platform: 'linux/amd64', version: '1.0.0', counter: 1, floors: [] },
  components: [
    {
      ...{ name: 'serve', kind: 'binary', installPath: 'usr/bin/serve', mode: '0755', length: program.length },
      ...{ sha256: digest, blobs: [{ encoding: 'identity', length: program.length, sha256: digest }], deltas: [] },
    },
  ],
};

let folder: string;
let umask: number;
const state = () => path.join(folder, 'state');
const modeOf = (...parts: string[]) => (lstatSync(path.join(state(), ...parts)).mode & 0o7777).toString(8);
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'reachable-'));
  chmodSync(folder, 0o711);
  umask = process.umask();
});
afterEach(() => {
  process.umask(umask);
  rmSync(folder, { recursive: true, force: true });
});

async function install(): Promise<string> {
  const lock = new InstanceLock(state(), 'run');
  const slots = new SlotDirectory(state());
  const journal = new JournalFile(state());
  journal.append(blankState);
  journal.close();
  const { bytes, sha256: slot } = encodeManifest(manifest);
  slots.beginStaging(slot);
  for (const component of manifest.components) await slots.stage(slot, component, pieces());
  slots.seal(slot, bytes);
  await slots.verify(slot);
  slots.point({ current: slot, previous: undefined });
  lock.release();
  return slot;
}

async function* pieces() {
  yield program;
}

describe.each([0o077, 0o027, 0o022, 0])('with umask %i', (mask) => {
  it('folders of slots have their modes, and everything else is closed', async () => {
    process.umask(mask);
    const slot = await install();
    expect(modeOf()).toBe('711');
    for (const parts of [[], [slot], [slot, 'usr'], [slot, 'usr', 'bin'], [slot, 'usr', 'bin', 'serve']]) {
      expect(modeOf('slots', ...parts), parts.join('/')).toBe('755');
    }
    expect(modeOf('slots', slot, 'release.json')).toBe('644');
    const others = readdirSync(state()).filter((name) => !['slots', 'current', 'previous'].includes(name));
    expect(others.length).toBeGreaterThan(1);
    for (const name of others) expect(modeOf(name), name).toMatch(/^[67]00$/);
  });
});

it('slots that an earlier updater closed are opened at the next start', async () => {
  const slot = await install();
  chmodSync(path.join(state(), 'slots', slot, 'usr'), 0o700);
  chmodSync(path.join(state(), 'slots', slot), 0o700);
  chmodSync(path.join(state(), 'slots'), 0o700);
  chmodSync(state(), 0o700);
  await new SlotDirectory(state()).verify(slot);
  expect([modeOf(), modeOf('slots'), modeOf('slots', slot), modeOf('slots', slot, 'usr')]).toEqual([
    ...['711', '755', '755', '755'],
  ]);
});

it('keeps what an operator lets others do with the state folder', () => {
  mkdirSync(state());
  chmodSync(state(), 0o750);
  new SlotDirectory(state());
  expect(modeOf()).toBe('751');
});

const missing = process.getuid?.() === 0 ? missingCommands('setpriv') : 'only root becomes somebody else';
describeUnless(missing, 'somebody who is not root', () => {
  it('starts the program of the current release, and cannot read the journal or list the state folder', async () => {
    process.umask(0o077);
    await install();
    const as = (...command: string[]) =>
      execFileSync('setpriv', ['--reuid=65534', '--regid=65534', '--clear-groups', ...command], {
        ...{ encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
      });
    expect(as(path.join(state(), 'current/usr/bin/serve'))).toBe('runs\n');
    expect(existsSync(path.join(state(), 'journal/log'))).toBe(true);
    expect(() => as('cat', path.join(state(), 'journal/log'))).toThrow();
    expect(() => as('ls', state())).toThrow();
  });
});
