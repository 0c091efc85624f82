import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openSqliteFleetState } from '../../../../../distributor/adapters/database/sqlite/fleet-state.ts';
import { anyReport, arrival, counting, enrolAll, key, offer, report } from '../../../../fakes/fleet-facts.ts';
import { manyTurns, turnsWhile } from '../../../../fakes/turns.ts';

const attempts = 400_000;
const patienceMs = 180_000;

let place: string;
beforeEach(async () => {
  place = await mkdtemp(path.join(tmpdir(), 'sqlite-aside-'));
});
afterEach(() => rm(place, { recursive: true, force: true }));

/** A state with one device of its own, and as many attempts of others as asked for. */
async function largeState() {
  const state = await openSqliteFleetState(place);
  await enrolAll(state, 'a');
  await state.answerCheck(arrival('a', 5), () => offer());
  const file = new Database(path.join(place, 'fleet.sqlite'));
  file.exec(`
    with recursive number(n) as (select 1 union all select n + 1 from number where n < ${attempts})
    insert into attempt (campaign, device, place, offered_version, offered_at, generation, phase_sequence, outcome,
      outcome_sequence, bytes_sequence)
    select (select id from campaign), 1000 + n, n / ${attempts + 1}.0, '1.0.0', 5, 0, 0, 'committed', 1, 0 from number`);
  file.close();
  return state;
}

it(
  'a large fleet is counted beside the thread that answers, and what was reported before is counted',
  async () => {
    const state = await largeState();
    await state.storeReports('a', [report(1, { outcome: 'committed' })], anyReport, 6);
    const question = counting([0.5, 1], 7, 60);
    await state.countWaves(key, question);
    const counted = state.countWaves(key, question);
    expect(await turnsWhile(counted)).toBeGreaterThan(manyTurns);
    const [first, second] = await counted;
    expect((first?.committed ?? 0) + (second?.committed ?? 0)).toBe(attempts + 1);
    expect(await state.countHolds(key, 0)).toEqual([]);
    await state.close();
  },
  patienceMs,
);

it(
  'a file that goes bad has its code, and closing waits for what is counted',
  async () => {
    const state = await largeState();
    const file = new Database(path.join(place, 'fleet.sqlite'));
    file.exec('alter table attempt rename to gone');
    await expect(state.countWaves(key, counting([1], 7, 60))).rejects.toMatchObject({ code: 'database-unavailable' });
    file.exec('alter table gone rename to attempt');
    file.close();
    const counted = state.countWaves(key, counting([1], 7, 60));
    await state.close();
    expect((await counted)[0]?.committed).toBe(attempts);
  },
  patienceMs,
);
