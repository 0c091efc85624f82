/**
 * Converts to local time of a zone of the IANA database and back, through changes of its offset. It asks the runtime's
 * database.
 */

const dayMs = 24 * 3600 * 1000;
const formats = new Map<string, Intl.DateTimeFormat>();

/** Local time as milliseconds since 1970-01-01T00:00 local: what a calendar and a clock on the wall show. */
export function localTime(timeZone: string, instant: number): number {
  return instant + offsetAt(timeZone, instant);
}

/**
 * The first moment at which the clock on the wall shows `local` or later: a time that is skipped means the moment of
 * the change, one that comes twice means its first.
 */
export function instantOf(timeZone: string, local: number): number {
  const before = offsetAt(timeZone, local - dayMs);
  const after = offsetAt(timeZone, local + dayMs);
  const byBefore = local - before;
  if (before === after) return byBefore;
  const change = changeBetween(timeZone, local - dayMs, local + dayMs, before);
  if (byBefore < change) return byBefore;
  return Math.max(change, local - after);
}

/** Milliseconds that local time is ahead of UTC. */
function offsetAt(timeZone: string, instant: number): number {
  const second = Math.floor(instant / 1000) * 1000;
  const parts: Record<string, number> = {};
  for (const { type, value } of formatOf(timeZone).formatToParts(second)) parts[type] = Number(value);
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second: seconds = 0 } = parts;
  return Date.UTC(year, month - 1, day, hour, minute, seconds) - second;
}

/** The first whole second in (from, to] at which the offset is no longer `before`; it changes once in between. */
function changeBetween(timeZone: string, from: number, to: number, before: number): number {
  let [low, high] = [Math.floor(from / 1000), Math.floor(to / 1000)];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (offsetAt(timeZone, middle * 1000) === before) low = middle;
    else high = middle;
  }
  return high * 1000;
}

function formatOf(timeZone: string): Intl.DateTimeFormat {
  let format = formats.get(timeZone);
  if (!format) {
    const numeric = 'numeric';
    format = new Intl.DateTimeFormat('en-US-u-ca-iso8601', {
      timeZone,
      hourCycle: 'h23',
      year: numeric,
      month: numeric,
      day: numeric,
      hour: numeric,
      minute: numeric,
      second: numeric,
    });
    formats.set(timeZone, format);
  }
  return format;
}
