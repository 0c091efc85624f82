import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { drawBound, openWaveOf } from '../../../distributor/rollout/cohort.ts';
import { placeOf } from '../../../distributor/rollout/placement.ts';
import { opened } from './deciding.ts';

const places = (count: number, rollout = 'r', from = 0) =>
  Array.from({ length: count }, (_, index) => placeOf(rollout, `device-${from + index}`));
const sorted = (list: readonly number[]) => Float64Array.from(list).sort();
const inside = (list: readonly number[], upTo: number) => list.filter((place) => place < upTo).length;

describe('a place', () => {
  it('depends on the two names alone and never changes', () => {
    // printf 'k3s-1-33\0gate-17' | sha256sum | cut -c1-13
    expect(placeOf('k3s-1-33', 'gate-17')).toBe(0xadb0962070c89 / 16 ** 13);
    expect(placeOf('k3s-1-33', 'gate-18')).not.toBe(placeOf('k3s-1-33', 'gate-17'));
    expect(placeOf('k3s-1-34', 'gate-17')).not.toBe(placeOf('k3s-1-33', 'gate-17'));
  });

  it('is evenly spread over [0, 1)', () => {
    const tenths = Array.from({ length: 10 }, () => 0);
    for (const place of places(20_000)) tenths[Math.floor(place * 10)] = (tenths[Math.floor(place * 10)] ?? 0) + 1;
    for (const count of tenths) expect(Math.abs(count - 2000)).toBeLessThan(200);
  });
});

describe('the bound of a wave', () => {
  it.each([
    [{ percent: 10 }, 1000, 100],
    [{ percent: 10 }, 1009, 100],
    [{ percent: 1 }, 50, 1],
    [{ percent: 0.5 }, 1000, 5],
    [{ count: 3 }, 1000, 3],
    [{ count: 3 }, 2, 2],
    [{ percent: 100 }, 7, 7],
    [{ percent: 50 }, 0, 0],
    [{ count: 5 }, 0, 0],
  ])('%j of %i devices takes %i', (size, devices, expected) => {
    const list = places(devices);
    const bound = drawBound(size, sorted(list), 0);
    expect(bound.members).toBe(expected);
    expect(inside(list, bound.upTo)).toBe(expected);
  });

  it('is everything at 100 %, whoever comes later', () => {
    expect(drawBound({ percent: 100 }, sorted(places(7)), 0).upTo).toBe(1);
  });

  it('never falls below that of the wave before', () => {
    expect(drawBound({ percent: 10 }, sorted(places(100)), 0.5)).toEqual({
      upTo: 0.5,
      members: inside(places(100), 0.5),
    });
  });

  const percents = fc.integer({ min: 1, max: 999 }).map((tenths) => tenths / 10);
  const devices = fc.integer({ min: 0, max: 400 });

  it('keeps the cohort at or below its percentage, one device at least', () =>
    fc.assert(
      fc.property(devices, percents, fc.nat(9), (count, percent, seed) => {
        const list = places(count, `r${seed}`);
        const { upTo } = drawBound({ percent }, sorted(list), 0);
        expect(inside(list, upTo)).toBeLessThanOrEqual(Math.max(1, (percent * count) / 100));
        expect(inside(list, upTo)).toBeGreaterThanOrEqual(Math.min(count, 1));
      }),
    ));

  it('only adds devices when a percentage is raised', () =>
    fc.assert(
      fc.property(devices, percents, percents, (count, one, other) => {
        const [low, high] = one < other ? [one, other] : [other, one];
        const list = sorted(places(count));
        const before = drawBound({ percent: low }, list, 0);
        expect(drawBound({ percent: high }, list, before.upTo).upTo).toBeGreaterThanOrEqual(before.upTo);
        expect(drawBound({ percent: high }, list, 0).upTo).toBeGreaterThanOrEqual(before.upTo);
      }),
    ));
});

describe('devices that come later', () => {
  const canary = opened('canary', 0.25, { openedAt: 1000 });
  const all = opened('all', 1, { openedAt: 2000 });

  it('move nobody, and do not swell a wave for some', () =>
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 0, max: 200 }), (there, late) => {
        const first = places(there);
        const { upTo, members } = drawBound({ percent: 10 }, sorted(first), 0);
        const wave = opened('canary', upTo, { openedAt: 1000 });
        const cohort = [
          ...first.map((place) => openWaveOf(place, 500, [wave])),
          ...places(late, 'r', there).map((place) => openWaveOf(place, 1500, [wave])),
        ];
        expect(cohort.slice(0, there).filter((index) => index === 0)).toHaveLength(members);
        expect(cohort.slice(there).every((index) => index === undefined)).toBe(true);
      }),
    ));

  it('belong to the wave for all once it is open', () => {
    expect(openWaveOf(0.1, 1500, [canary, all])).toBe(1);
    expect(openWaveOf(0.1, 500, [canary, all])).toBe(0);
    expect(openWaveOf(0.1, 5000, [canary, all])).toBe(1);
  });
});
