/** Writes times for people: absolute in UTC, and how far away. */

const units: readonly (readonly [string, number])[] = [
  ['d', 86_400],
  ['h', 3600],
  ['min', 60],
  ['s', 1],
];

/** `45 s`, `12 min`, `3 h`, `2 d 4 h`: at most two units, the second only beside days. */
export function lengthText(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [unit = 's', size = 1] = units.find(([, length]) => whole >= length) ?? [];
  const text = `${Math.floor(whole / size)} ${unit}`;
  const hours = unit === 'd' ? Math.floor((whole % 86_400) / 3600) : 0;
  return hours > 0 ? `${text} ${hours} h` : text;
}

/** `2026-11-26 13:00:05Z`. */
export function instantText(iso: string): string {
  return `${iso.slice(0, 10)} ${iso.slice(11, 19)}Z`;
}

/** `3 h ago`, `in 12 min`, `now`. */
export function relativeText(iso: string, now: number): string {
  const seconds = (Date.parse(iso) - now) / 1000;
  if (Math.abs(seconds) < 1) return 'now';
  return seconds < 0 ? `${lengthText(-seconds)} ago` : `in ${lengthText(seconds)}`;
}

/** `2026-11-26 13:00:05Z (3 h ago)`. */
export function timeText(iso: string, now: number): string {
  return `${instantText(iso)} (${relativeText(iso, now)})`;
}
