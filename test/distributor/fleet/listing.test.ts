import { describe, expect, it } from 'vitest';
import { ReleaseIndex } from '../../../distributor/catalog/releases.ts';
import { emptyPlan } from '../../../distributor/declaration/plan.ts';
import type { DeviceQuery } from '../../../distributor/fleet/device-filter.ts';
import { listDevices } from '../../../distributor/fleet/listing.ts';
import { compilePlan } from '../../../distributor/rollout/compiled-plan.ts';
import { listedFleet } from '../../fakes/listed-fleet.ts';

/** Every thousandth device is of the north. */
const fleet = listedFleet(10_000, (index) => ({ region: index % 1000 === 999 ? 'north' : 'south' }));

async function page(query: DeviceQuery, after: string | undefined, limit: number) {
  const read = fleet.read;
  const input = { fleet, plan: compilePlan(emptyPlan), releases: new ReleaseIndex([]), now: 0 };
  const listed = await listDevices(input, query, { after, limit });
  return { ...listed, ids: listed.devices.map(({ id }) => id), read: fleet.read - read };
}

describe('a page of a list of devices', () => {
  it('has as many as asked for and reads no more, where all are asked for', async () => {
    const { ids, next, read } = await page({}, undefined, 700);
    expect([ids.length, next, read]).toEqual([700, 'gate-0000699', 700]);
    expect((await page({}, next, 1)).ids).toEqual(['gate-0000700']);
  });

  it('is the last one without a next', async () => {
    const { ids, next } = await page({}, 'gate-0009997', 10);
    expect([ids, next]).toEqual([['gate-0009998', 'gate-0009999'], undefined]);
  });

  it('ends after a bounded number that it looked at, however few are asked for, and the next one goes on', async () => {
    const found: string[] = [];
    let pages = 0;
    for (let after: string | undefined; ; pages++) {
      const { ids, next, read } = await page({ label: 'region=north' }, after, 100);
      expect(read).toBeLessThanOrEqual(2000);
      found.push(...ids);
      if (next === undefined) break;
      after = next;
    }
    expect(found).toEqual(Array.from({ length: 10 }, (_, i) => `gate-000${i}999`));
    expect(pages).toBe(5);
  });

  it('goes on behind the last one that it shows, where a part of what was read fills it', async () => {
    const { ids, next } = await page({ label: 'region=north' }, undefined, 1);
    expect([ids, next]).toEqual([['gate-0000999'], 'gate-0000999']);
    expect((await page({ label: 'region=north' }, next, 1)).ids).toEqual(['gate-0001999']);
  });
});
