import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EventQueue, queuedKinds } from '../../../distributor/simulation/event-queue.ts';
import { PollGrid } from '../../../distributor/simulation/poll-grid.ts';
import { purposes, Seeded } from '../../../distributor/simulation/seeded.ts';

describe('what is drawn from a seed', () => {
  it('is the same on every machine', () => {
    const seeded = new Seeded(42);
    const drawn = [0, 1, 2].map((device) => seeded.draw(purposes.bad, device) * 2 ** 32);
    expect(drawn).toEqual([31222479, 3638453481, 1297972592]);
    expect(new Seeded(2 ** 40 + 42).draw(purposes.bad, 0) * 2 ** 32).not.toBe(drawn[0]);
  });

  it('is spread evenly, and differs by purpose', () => {
    const seeded = new Seeded(7);
    const draws = Array.from({ length: 20_000 }, (_, device) => seeded.draw(purposes.reach, device));
    for (let tenth = 0; tenth < 10; tenth++) {
      const inside = draws.filter((draw) => Math.floor(draw * 10) === tenth).length;
      expect(Math.abs(inside - 2000)).toBeLessThan(200);
    }
    expect(draws.filter((draw, device) => draw === seeded.draw(purposes.bad, device))).toEqual([]);
  });

  it('spreads speeds around 1, as many above as below', () => {
    const seeded = new Seeded(7);
    const factors = Array.from({ length: 10_000 }, (_, device) => seeded.spread(purposes.speed, device)).sort(
      (a, b) => a - b,
    );
    expect(factors[5000]).toBeCloseTo(1, 1);
    expect(factors[1587]).toBeCloseTo(0.57, 1);
    expect(factors[8413]).toBeCloseTo(1.75, 1);
  });
});

describe('the event queue', () => {
  it('gives what was put in by time, then kind, then device', () => {
    const event = fc.tuple(fc.integer({ min: 0, max: 50 }), fc.constantFrom(...Object.values(queuedKinds)), fc.nat(9));
    fc.assert(
      fc.property(fc.array(event, { maxLength: 3000 }), (events) => {
        const queue = new EventQueue();
        for (const [at, kind, device] of events) queue.push(at, kind, device);
        const given = events.map(() => {
          const first = [queue.nextAt, queue.nextKind, queue.nextDevice];
          queue.pop();
          return first;
        });
        expect(given).toEqual([...events].sort((a, b) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2]));
        expect(queue.nextAt).toBe(Number.POSITIVE_INFINITY);
      }),
      { numRuns: 30 },
    );
  });
});

describe('the times at which a device asks', () => {
  const start = Date.UTC(2026, 0, 5);
  const grid = new PollGrid(new Seeded(3), start, 900);

  it('lie 0.6 to 1.4 intervals apart', () => {
    for (let device = 0; device < 20; device++) {
      let last = grid.after(device, start - 1);
      expect(last - start).toBeLessThan(1.4 * 900_000);
      for (let i = 0; i < 200; i++) {
        const next = grid.after(device, last);
        expect(next - last).toBeGreaterThanOrEqual(0.6 * 900_000 - 1);
        expect(next - last).toBeLessThanOrEqual(1.4 * 900_000 + 1);
        last = next;
      }
    }
  });

  it('are found from anywhere: none is skipped, none lies between', () => {
    fc.assert(
      fc.property(fc.nat(1000), fc.integer({ min: -1, max: 90 * 86_400_000 }), (device, since) => {
        const at = grid.after(device, start + since);
        expect(at).toBeGreaterThan(start + since);
        expect(grid.before(device, at, true)).toBe(at);
        const before = grid.before(device, at, false);
        if (before === undefined) expect(grid.after(device, start - 1)).toBe(at);
        else {
          expect(before).toBeLessThanOrEqual(start + since);
          expect(grid.after(device, before)).toBe(at);
        }
      }),
    );
  });
});
