/** The thread of the shipped distributor that reads a large SQLite file: its program lies beside the bundle and is found. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { openSqliteFleetState } from '../../distributor/adapters/database/sqlite/fleet-state.ts';
import { RunningProgram } from '../../infra/demo/programs.ts';
import { arrival, enrolAll, idle, nothing } from '../fakes/fleet-facts.ts';
import { listening } from '../journeys/small-shop.ts';

/** As many bytes as make a file large enough for the thread. */
const fillerBytes = 20_000_000;

it('the shipped distributor counts the devices of a large file in its thread', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'shipped-reads-'));
  const state = await openSqliteFleetState(folder);
  await enrolAll(state, 'a');
  const trouble = { code: 'disk-full', fault: 'device', message: 'no room' } as const;
  const check = { ...idle, schemaVersion: 2, troubles: [trouble] } as typeof idle;
  await state.answerCheck(arrival('a', 5, { check }), () => nothing);
  await state.close();
  const file = new Database(path.join(folder, 'fleet.sqlite'));
  file.exec(`create table filler (bytes blob); insert into filler values (zeroblob(${fillerBytes}))`);
  file.close();
  const server = new RunningProgram('slipway-distributor', [
    ...[
      'serve',
      '--store',
      `file://${folder}`,
      '--rollouts-api',
      '--state',
      folder,
      '--listen',
      '127.0.0.1:0',
      '--json',
    ],
  ]);
  try {
    const metrics = async () => (await fetch(`${await listening(server)}/metrics`)).text();
    const counted = () =>
      metrics().then((text) => /^slipway_\w*trouble\w*\{.*code="disk-full".*\} 1$/m.test(text) || server.log);
    await expect.poll(counted, { timeout: 30_000 }).toBe(true);
    expect(server.log).not.toContain('not counted');
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
});
