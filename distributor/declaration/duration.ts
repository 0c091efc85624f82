/** Parses lengths of time as people write them: `90s`, `15m`, `24h`, `7d`, `1h30m`. */
import * as z from 'zod';

const unitSeconds: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400 };
const durationPattern = /^(\d+[smhd])+$/;

/** Text of a duration to whole seconds, at most a year. */
export const durationSchema = z
  .string()
  .regex(durationPattern, 'expected a duration such as 90s, 15m, 24h or 1h30m')
  .transform(durationSeconds)
  .refine((seconds) => seconds <= 366 * 86_400, 'expected a year at most');

/** Seconds of a text that matches the pattern above; NaN of any other. */
export function durationSeconds(text: string): number {
  if (!durationPattern.test(text)) return Number.NaN;
  let seconds = 0;
  for (const [, count, unit] of text.matchAll(/(\d+)([smhd])/g))
    seconds += Number(count) * (unitSeconds[unit ?? ''] ?? 0);
  return seconds;
}
