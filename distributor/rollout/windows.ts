/**
 * Computes when maintenance windows are open: a calendar of the next days, computed once and looked up after that.
 * Windows that overlap or touch are one. Time comes in as a value, only the server's counts.
 */
import { minutesOfDay, type Window, weekdays } from '../declaration/window.ts';
import type { OpenInterval } from './decision.ts';
import { instantOf, localTime } from './zone-clock.ts';

const minuteMs = 60_000;
const dayMs = minutesOfDay * minuteMs;
/** One window lasts two days at most, counted from the local day it opens. */
const daysBehind = 3;
/** A weekly window that falls into a skipped hour is missing once. */
const daysAhead = 16;
/** How long a computed calendar holds: what lies after it was looked at in full. */
const validDays = 7;

export interface WindowState {
  readonly isOpen: boolean;
  /** The interval that is open, or else the next one; undefined where none opens within two weeks. */
  readonly interval: OpenInterval | undefined;
}

export class WindowCalendar {
  readonly #windows: readonly Window[];
  #intervals: readonly OpenInterval[] = [];
  #validFrom = 0;
  #validTo = 0;

  /** @param windows one at least; a rollout without any is always open and needs no calendar */
  constructor(windows: readonly Window[]) {
    this.#windows = windows;
  }

  /** @param now milliseconds since 1970 */
  at(now: number): WindowState {
    if (now < this.#validFrom || now >= this.#validTo) {
      this.#intervals = openIntervals(this.#windows, now);
      this.#validFrom = now;
      this.#validTo = now + validDays * dayMs;
    }
    for (const interval of this.#intervals) {
      if (now < interval.closesAt) return { isOpen: now >= interval.opensAt, interval };
    }
    return { isOpen: false, interval: undefined };
  }
}

/** So near to its end a window is as good as closed: nobody begins a switch there. */
const closingMs = minuteMs;

/**
 * Undefined where an update may be offered: a window is open, or opens soon enough to download ahead of it.
 * @returns when that may change, milliseconds since 1970
 */
export function shutUntil(
  { isOpen, interval }: WindowState,
  aheadSeconds: number,
  now: number,
): { readonly until: number | undefined } | undefined {
  if (!interval) return { until: undefined };
  if (isOpen) return interval.closesAt - now < closingMs ? { until: interval.closesAt } : undefined;
  const offeredFrom = interval.opensAt - aheadSeconds * 1000;
  return now < offeredFrom ? { until: offeredFrom } : undefined;
}

/** Intervals in ascending order, apart from each other, from days before `now` to days after. */
export function openIntervals(windows: readonly Window[], now: number): OpenInterval[] {
  const found: OpenInterval[] = [];
  for (const window of windows) {
    const today = Math.floor(localTime(window.timeZone, now) / dayMs);
    for (let day = today - daysBehind; day <= today + daysAhead; day++) {
      if (!opensOn(window, day)) continue;
      const interval = intervalOf(window, day);
      if (interval.opensAt < interval.closesAt) found.push(interval);
    }
  }
  return merged(found);
}

/** @param day local days since 1970-01-01, a Thursday */
function opensOn({ days }: Window, day: number): boolean {
  const weekday = weekdays[(((day + 3) % 7) + 7) % 7];
  return days.length === 0 || (weekday !== undefined && days.includes(weekday));
}

/** Empty where both ends fall into the same skipped hour. */
function intervalOf({ timeZone, fromMinute, toMinute }: Window, day: number): OpenInterval {
  const midnight = day * dayMs;
  const closing = toMinute <= fromMinute ? toMinute + minutesOfDay : toMinute;
  return {
    opensAt: instantOf(timeZone, midnight + fromMinute * minuteMs),
    closesAt: instantOf(timeZone, midnight + closing * minuteMs),
  };
}

function merged(intervals: readonly OpenInterval[]): OpenInterval[] {
  const apart: OpenInterval[] = [];
  for (const interval of [...intervals].sort((a, b) => a.opensAt - b.opensAt)) {
    const last = apart.at(-1);
    if (!last || interval.opensAt > last.closesAt) apart.push(interval);
    else if (interval.closesAt > last.closesAt) apart[apart.length - 1] = { ...last, closesAt: interval.closesAt };
  }
  return apart;
}
