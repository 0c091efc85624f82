/** A window is taken as opening late and closing early, so that the time of the answer on the wire opens no gap. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { switchWindowSchema } from '../../../contract/device-api/check.ts';
import {
  describeWaiting,
  isOpen,
  switchTimeOf,
  waitingUntil,
  wakeForWindow,
} from '../../../edge-updater/update/switch-window.ts';

describe('a window', () => {
  it('is never open outside what the server meant, wherever between asking and hearing it answered', () => {
    fc.assert(
      fc.property(
        fc.nat(100_000),
        fc.nat(600),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.nat(10_000),
        fc.integer({ min: 1, max: 10_000 }),
        fc.nat(120_000),
        (askedAt, onTheWire, part, opensInSeconds, length, now) => {
          const window = { opensInSeconds, closesInSeconds: opensInSeconds + length };
          const answeredAt = askedAt + onTheWire * part;
          const time = switchTimeOf(window, askedAt, askedAt + onTheWire);
          if (!isOpen(time, now)) return;
          expect(now).toBeGreaterThanOrEqual(answeredAt + window.opensInSeconds);
          expect(now).toBeLessThan(answeredAt + window.closesInSeconds);
        },
      ),
    );
  });

  it('opens at its first second and is closed at its last', () => {
    const time = switchTimeOf({ opensInSeconds: 10, closesInSeconds: 20 }, 100, 100);
    expect([109.9, 110, 119.9, 120].map((now) => isOpen(time, now))).toEqual([false, true, true, false]);
  });

  it('that was never named is not open; an offer without one is', () => {
    expect(isOpen(undefined, 5)).toBe(false);
    expect(isOpen(switchTimeOf(undefined, 1, 2), 5)).toBe(true);
  });

  it('that closes before it opens, or is farther away than a month, is no answer', () => {
    const parse = (opensInSeconds: number, closesInSeconds: number) =>
      switchWindowSchema.safeParse({ opensInSeconds, closesInSeconds }).success;
    expect([parse(0, 1), parse(5, 5), parse(9, 5), parse(-1, 5), parse(0, 32 * 86_400)]).toEqual([
      ...[true, false, false, false, false],
    ]);
  });

  it('wakes a fleet one after the other, and every device well inside', () => {
    const waiting = { version: '2.0.0', opensInSeconds: 100, closesInSeconds: 200 };
    const chances = Array.from({ length: 50 }, (_, index) => index / 50);
    const wakes = chances.map((chance) => wakeForWindow(waiting, chance));
    expect(new Set(wakes).size).toBe(chances.length);
    for (const wake of wakes) {
      expect(wake).toBeGreaterThanOrEqual(100);
      expect(wake).toBeLessThan(110);
    }
    expect(wakeForWindow({ ...waiting, closesInSeconds: 100_000 }, 0.999)).toBeLessThan(160);
    expect(wakeForWindow({ version: '2.0.0' }, 0.5)).toBe(Number.POSITIVE_INFINITY);
  });

  it('is told in seconds, and as unknown once it has passed', () => {
    const time = switchTimeOf({ opensInSeconds: 10, closesInSeconds: 20 }, 0, 0);
    expect(describeWaiting(waitingUntil('2.0.0', time, 4))).toBe(
      '2.0.0 waits for its window, which opens in 6 s and closes in 16 s',
    );
    expect(waitingUntil('2.0.0', time, 20)).toEqual({ version: '2.0.0' });
    expect(describeWaiting(waitingUntil('2.0.0', undefined, 4))).toBe('2.0.0 waits for the server to name a window');
  });
});
