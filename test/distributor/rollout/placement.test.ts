import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { placeOf, waveOf } from '../../../distributor/rollout/placement.ts';

const names = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?$/);
const percents = fc.integer({ min: 1, max: 100 });
const wave = (percent: number) => ({ name: `up-to-${percent}`, percent, soakSeconds: 0 });

describe('the place of a device', () => {
  it('is in [0, 1) and depends on nothing but the two names', () => {
    fc.assert(
      fc.property(names, names, (rollout, device) => {
        const place = placeOf(rollout, device);
        expect(place).toBeGreaterThanOrEqual(0);
        expect(place).toBeLessThan(1);
        expect(placeOf(rollout, device)).toBe(place);
      }),
    );
  });

  it('is this one for ever: a changed formula would move whole fleets', () => {
    expect(placeOf('k3s-1-33-9', 'gate-17')).toBe(0.7964214773657199);
  });

  it('is spread evenly, and differently in each rollout', () => {
    const places = Array.from({ length: 4000 }, (_, i) => placeOf('r1', `device-${i}`));
    for (let tenth = 0; tenth < 10; tenth++) {
      const share = places.filter((place) => Math.floor(place * 10) === tenth).length / places.length;
      expect(share).toBeGreaterThan(0.08);
      expect(share).toBeLessThan(0.12);
    }
    const canaries = (rollout: string) =>
      Array.from({ length: 1000 }, (_, i) => `device-${i}`).filter((id) => placeOf(rollout, id) < 0.02);
    expect(canaries('r1')).not.toEqual(canaries('r2'));
  });

  it('only adds devices when a percentage is raised', () => {
    fc.assert(
      fc.property(names, fc.array(names, { maxLength: 50 }), percents, percents, (rollout, devices, a, b) => {
        const [low, high] = [Math.min(a, b), Math.max(a, b)];
        const cohort = (percent: number) => devices.filter((id) => waveOf(placeOf(rollout, id), [wave(percent)]) === 0);
        expect(cohort(high)).toEqual(expect.arrayContaining(cohort(low)));
      }),
    );
  });

  it('covers everybody at 100 percent and nobody beyond the last wave', () => {
    fc.assert(
      fc.property(names, names, (rollout, device) => {
        expect(waveOf(placeOf(rollout, device), [wave(100)])).toBe(0);
      }),
    );
    expect(waveOf(0.5, [wave(10), wave(50)])).toBeUndefined();
    expect(waveOf(0.4999, [wave(10), wave(50)])).toBe(1);
    expect(waveOf(0.1, [wave(10), wave(50)])).toBe(1);
  });
});
