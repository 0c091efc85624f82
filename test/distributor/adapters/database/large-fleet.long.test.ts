/** A large fleet on SQLite stays small on disk, and its counts are right. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openSqliteFleetState } from '../../../../distributor/adapters/database/sqlite/fleet-state.ts';
import { measureDatabaseSize } from '../../../bench/rollout/database-size.ts';
import { enrolAll } from '../../../bench/rollout/fleet-on-disk.ts';
import { counting } from '../../../fakes/fleet-facts.ts';

const devices = 100_000;
const rollouts = 10;
const maxBytes = 500 * 1000 * 1000;
const patienceMs = 1_800_000;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'large-fleet-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it(
  '100,000 devices stay below 500 MB after ten rollouts, and every one is counted in its wave',
  async () => {
    const state = path.join(folder, 'state');
    const say = (what: string) => process.stderr.write(`${(performance.now() / 1000).toFixed(0)} s: ${what}\n`);
    expect(await enrolAll(state, devices)).toHaveLength(devices);
    say('enrolled');
    const size = await measureDatabaseSize(state, devices, rollouts);
    say(`${size.bytes} bytes, ${size.bytesPerDevice} a device`);
    expect(size.bytes).toBeLessThan(maxBytes);

    const fleet = await openSqliteFleetState(state);
    expect(await fleet.countDevices()).toBe(devices);
    for (let number = 1; number <= rollouts; number++) {
      const key = { rollout: `shop-2-${number}`, version: `2.${number}.0` };
      const committed = (count: number) => ({ committed: count, failed: 0, pending: 0, unreachable: 0 });
      const counts = await fleet.countWaves(key, counting([0.02, 0.5, 1], Date.now(), 7200));
      expect(counts).toMatchObject([committed(2000), committed(48_000), committed(50_000)]);
    }
    say('counted');
    await fleet.close();
  },
  patienceMs,
);
