/** A reader of a program's output may leave early, as `head` does: the program ends without a word. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openSqliteFleetState } from '../distributor/adapters/database/sqlite/fleet-state.ts';
import { enrolAll } from './fakes/fleet-facts.ts';
import { type ProgramName, programFile } from './services/program-files.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'early-reader-'));
  const state = await openSqliteFleetState(path.join(folder, 'state'));
  await enrolAll(state, ...Array.from({ length: 1500 }, (_, index) => `gate-${index}`));
  await state.close();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it.each<[ProgramName, string[]]>([
  ['distributor', ['schema', 'Rollout']],
  ['distributor', ['device', 'ls', '--state', 'STATE']],
  ['distributor', ['device', 'ls', '--json', '--state', 'STATE']],
])('%s %j ends quietly when nobody reads on', async (name, words) => {
  const filled = words.map((word) => (word === 'STATE' ? path.join(folder, 'state') : word));
  const child = spawn(process.execPath, [programFile(name), ...filled], { stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.destroy();
  const [said, [status]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
  expect([status, said]).toEqual([0, '']);
});
