import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Window, weekdays } from '../../../distributor/declaration/window.ts';
import { openIntervals, shutUntil, WindowCalendar } from '../../../distributor/rollout/windows.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

const nightly = (timeZone: string, from: string, to: string, ...days: Window['days']): Window => {
  const minute = (time: string) => Number(time.slice(0, 2)) * 60 + Number(time.slice(3));
  return { timeZone, days, fromMinute: minute(from), toMinute: minute(to) };
};
const at = (text: string) => Date.parse(text);
const stateAt = (text: string, ...windows: Window[]) => new WindowCalendar(windows).at(at(text));

describe('a maintenance window', () => {
  it.each([
    ['opens at its time in its zone', '2026-07-01T20:00:00Z', true],
    ['is open in the second before it ends', '2026-07-02T02:59:59Z', true],
    ['is shut at its end', '2026-07-02T03:00:00Z', false],
    ['is shut just before it opens', '2026-07-01T19:59:59Z', false],
    ['follows the zone into winter', '2026-12-01T20:30:00Z', false],
    ['crosses midnight in winter', '2026-12-02T03:59:59Z', true],
  ])('%s', (_what, instant, isOpen) => {
    expect(stateAt(instant, nightly('Europe/Berlin', '22:00', '05:00')).isOpen).toBe(isOpen);
  });

  it('belongs to the day on which it opens', () => {
    const monday = nightly('UTC', '22:00', '05:00', 'Mon');
    expect(stateAt('2026-11-24T04:00:00Z', monday).isOpen).toBe(true);
    expect(stateAt('2026-11-23T04:00:00Z', monday).isOpen).toBe(false);
    expect(stateAt('2026-11-24T22:00:00Z', monday)).toEqual({
      isOpen: false,
      interval: { opensAt: at('2026-11-30T22:00:00Z'), closesAt: at('2026-12-01T05:00:00Z') },
    });
  });

  it('lasts the whole day from 00:00 to 24:00, however long that day is', () => {
    const sunday = nightly('Europe/Berlin', '00:00', '24:00', 'Sun');
    expect(stateAt('2026-10-25T10:00:00Z', sunday).interval).toEqual({
      opensAt: at('2026-10-24T22:00:00Z'),
      closesAt: at('2026-10-25T23:00:00Z'),
    });
  });

  it('opens at the next existing moment where its time is skipped', () => {
    expect(stateAt('2026-03-29T00:30:00Z', nightly('Europe/Berlin', '02:30', '04:00')).interval).toEqual({
      opensAt: at('2026-03-29T01:00:00Z'),
      closesAt: at('2026-03-29T02:00:00Z'),
    });
  });

  it('opens at the first moment where its time comes twice, and stays open over the second', () => {
    expect(stateAt('2026-10-25T00:00:00Z', nightly('Europe/Berlin', '02:30', '03:30')).interval).toEqual({
      opensAt: at('2026-10-25T00:30:00Z'),
      closesAt: at('2026-10-25T02:30:00Z'),
    });
  });

  it('is missing on a day that skips it as a whole', () => {
    const short = nightly('Europe/Berlin', '02:10', '02:50');
    expect(stateAt('2026-03-28T12:00:00Z', short).interval?.opensAt).toBe(at('2026-03-30T00:10:00Z'));
  });

  it('opens after a calendar day that a zone left out', () => {
    // Samoa went from 29 to 31 December 2011.
    expect(stateAt('2011-12-30T09:00:00Z', nightly('Pacific/Apia', '22:00', '23:00')).interval?.opensAt).toBe(
      at('2011-12-30T10:00:00Z') + 22 * hourMs,
    );
  });

  it('is one with windows that touch it', () => {
    const [evening, night] = [nightly('UTC', '20:00', '00:00'), nightly('UTC', '00:00', '04:00')];
    expect(stateAt('2026-11-24T21:00:00Z', evening, night).interval).toEqual({
      opensAt: at('2026-11-24T20:00:00Z'),
      closesAt: at('2026-11-25T04:00:00Z'),
    });
  });

  it('may be offered ahead, but not in its last minute', () => {
    const calendar = new WindowCalendar([nightly('UTC', '22:00', '05:00')]);
    const shutAt = (text: string) => shutUntil(calendar.at(at(text)), 3600, at(text));
    expect(shutAt('2026-11-24T20:59:59Z')).toEqual({ until: at('2026-11-24T21:00:00Z') });
    expect(shutAt('2026-11-24T21:00:00Z')).toBeUndefined();
    expect(shutAt('2026-11-25T04:59:00Z')).toBeUndefined();
    expect(shutAt('2026-11-25T04:59:01Z')).toEqual({ until: at('2026-11-25T05:00:00Z') });
  });

  it('answers as ever when the clock goes back by years', () => {
    const calendar = new WindowCalendar([nightly('Europe/Berlin', '22:00', '05:00')]);
    expect(calendar.at(at('2031-07-01T21:00:00Z')).isOpen).toBe(true);
    expect(calendar.at(at('2026-07-01T21:00:00Z')).isOpen).toBe(true);
    expect(calendar.at(at('2026-07-01T12:00:00Z')).isOpen).toBe(false);
  });
});

/** Zones that change by an hour, half an hour, at midnight, twice a year around Ramadan, by a day, and never. */
const zones = [
  'Europe/Berlin',
  'America/New_York',
  'Australia/Lord_Howe',
  'America/Sao_Paulo',
  'Africa/Casablanca',
  'Pacific/Apia',
  'Asia/Kathmandu',
  'America/St_Johns',
  'UTC',
];

/** What the clock on the wall shows, by another way than the code under test: a text that is parsed as if it were UTC. */
function wallClock(timeZone: string): (instant: number) => number {
  const format = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'medium' });
  return (instant) => Date.parse(`${format.format(instant).replace(' ', 'T')}Z`);
}

/** Instants at which the offset of the zone changed, within two hours, from 2010 to 2028. */
function changesOf(timeZone: string): number[] {
  const wall = wallClock(timeZone);
  const changes: number[] = [];
  let before = Number.NaN;
  for (let instant = Date.UTC(2010, 0); instant < Date.UTC(2028, 0); instant += 6 * hourMs) {
    const offset = wall(instant) - instant;
    if (!Number.isNaN(before) && offset !== before) changes.push(instant - 6 * hourMs);
    before = offset;
  }
  return changes;
}

/**
 * Minute by minute: a time of a day has come when the clock on the wall has shown it or a later one. A window of a day is
 * open while its beginning has come and its end has not.
 */
function openMinutes(windows: readonly Window[], from: number, minutes: number): boolean[] {
  const open = Array.from({ length: minutes }, () => false);
  for (const { timeZone, days, fromMinute, toMinute } of windows) {
    const wall = wallClock(timeZone);
    const end = toMinute <= fromMinute ? toMinute + 1440 : toMinute;
    let latest = Number.NEGATIVE_INFINITY;
    for (let minute = -3 * 1440; minute < minutes; minute++) {
      latest = Math.max(latest, wall(from + minute * minuteMs));
      if (minute < 0) continue;
      const today = Math.floor(latest / dayMs);
      for (const day of [today - 2, today - 1, today]) {
        const weekday = weekdays[(new Date(day * dayMs).getUTCDay() + 6) % 7];
        if (days.length > 0 && !days.some((name) => name === weekday)) continue;
        const sinceMidnight = (latest - day * dayMs) / minuteMs;
        if (sinceMidnight >= fromMinute && sinceMidnight < end) open[minute] = true;
      }
    }
  }
  return open;
}

describe('a calendar of windows', () => {
  const changes = new Map(zones.map((zone) => [zone, changesOf(zone)]));
  const minutes = 3 * 1440;
  const times = fc.integer({ min: 0, max: 95 }).map((quarter) => quarter * 15);
  const window = (timeZone: string) =>
    fc
      .record({
        timeZone: fc.constant(timeZone),
        days: fc.subarray([...weekdays]),
        fromMinute: times,
        toMinute: fc.oneof(times, fc.constant(1440)),
      })
      .filter(({ fromMinute, toMinute }) => fromMinute !== toMinute);
  const situation = fc.constantFrom(...zones).chain((zone) => {
    const near = changes.get(zone) ?? [];
    const anywhere = fc.integer({ min: Date.UTC(2010, 1) / hourMs, max: Date.UTC(2027, 11) / hourMs });
    const around =
      near.length > 0 ? fc.constantFrom(...near).map((change) => Math.floor(change / hourMs) - 36) : anywhere;
    return fc.record({
      windows: fc.array(window(zone), { minLength: 1, maxLength: 2 }),
      from: fc.oneof({ weight: 3, arbitrary: around }, anywhere).map((hour) => hour * hourMs),
    });
  });

  it('says of every minute what going minute by minute says, through changes of the offset, and when it opens next', () => {
    fc.assert(
      fc.property(situation, ({ windows, from }) => {
        const expected = openMinutes(windows, from, minutes);
        const calendar = new WindowCalendar(windows);
        const found = expected.map((_, minute) => calendar.at(from + minute * minuteMs).isOpen);
        expect(found).toEqual(expected);
        const first = expected.indexOf(true);
        const { interval } = new WindowCalendar(windows).at(from);
        if (first > 0) expect(interval?.opensAt).toBe(from + first * minuteMs);
        if (first < 0)
          expect(interval?.opensAt ?? Number.POSITIVE_INFINITY).toBeGreaterThanOrEqual(from + minutes * minuteMs);
      }),
      { numRuns: 60 },
    );
  }, 120_000);

  it('lists intervals in order, apart from each other', () => {
    fc.assert(
      fc.property(situation, ({ windows, from }) => {
        const edges = openIntervals(windows, from).flatMap(({ opensAt, closesAt }) => [opensAt, closesAt]);
        expect(edges).toEqual([...new Set(edges)].sort((a, b) => a - b));
      }),
      { numRuns: 100 },
    );
  });
});
