/**
 * What was found by the shim before libc: whoever opens a database whose process was killed makes the index of its log anew, in
 * memory that no call writes. A copy that was taken with the old one was no longer as it was taken.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { BoxDataDirectory } from '../../../../edge-updater/adapters/datastore/box-data.ts';
import { adoptionOf } from '../../../fakes/adopted-box.ts';
import type { BoxWork } from '../../../fakes/box-run-main.ts';

const [old, next] = ['a'.repeat(64), 'b'.repeat(64)];
const attempt = { attempt: 'one', from: old, to: next };
const at = '2026-12-01T00:00:00.000Z';
const root = path.join(import.meta.dirname, '../../../..');
let folder: string;
let dataDir: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'killed-database-'));
  dataDir = path.join(folder, 'box');
  mkdirSync(path.join(folder, 'config.yaml.d'));
  runToKill();
});
afterEach(() => rmSync(folder, { recursive: true }));

const configFile = () => path.join(folder, 'config.yaml');
const opened = () => new BoxDataDirectory(adoptionOf(dataDir, configFile()), path.join(folder, 'state'));
const inCopy = (name: string) => path.join(dataDir, 'slipway/snapshots/one', name);

/** One run of the older release. */
function runToKill(): void {
  const run = { slot: old, version: 1, payload: 'p', dataDir, configFile: configFile() };
  const work: BoxWork = { run };
  const program = path.join(root, 'test/fakes/box-run-main.ts');
  expect(spawnSync(process.execPath, [program, JSON.stringify(work)]).signal).toBe('SIGKILL');
  for (const ending of ['-wal', '-shm'])
    expect(existsSync(path.join(dataDir, `server/db/state.db${ending}`))).toBe(true);
}

it('a copy of it has no index, and goes back', async () => {
  await opened().snapshot(attempt, at);
  expect(existsSync(inCopy('server/db/state.db-wal'))).toBe(true);
  expect(existsSync(inCopy('server/db/state.db-shm'))).toBe(false);
  await opened().putBack({ attempt: 'one', takenAt: at });
  expect(await opened().owner()).toBe(old);
  runToKill();
});

it('a copy that an older updater took with an index goes back, whatever became of that', async () => {
  await opened().snapshot(attempt, at);
  const record = JSON.parse(readFileSync(inCopy('snapshot.json'), 'utf8'));
  const database = record.copied.find(({ path: name }: { path: string }) => name === 'server/db/state.db');
  record.copied.push({ ...database, path: 'server/db/state.db-shm' });
  writeFileSync(inCopy('snapshot.json'), JSON.stringify(record));
  writeFileSync(inCopy('server/db/state.db-shm'), 'of another reader');
  await opened().putBack({ attempt: 'one', takenAt: at });
});

it('a copy with another byte in its log does not go back', async () => {
  await opened().snapshot(attempt, at);
  writeFileSync(inCopy('server/db/state.db-wal'), 'another');
  await expect(opened().putBack({ attempt: 'one', takenAt: at })).rejects.toThrow(
    'the snapshot is not as it was taken',
  );
});
