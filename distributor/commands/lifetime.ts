/** Parses numbers and durations on the command line. */
import { SlipwayError } from '../../contract/errors.ts';
import { durationSeconds } from '../declaration/duration.ts';

/** Seconds of `30d`, `24h`, `15m`. @throws SlipwayError `usage` */
export function parseLifetime(text: string): number {
  const seconds = durationSeconds(text);
  if (Number.isNaN(seconds) || seconds === 0) {
    throw new SlipwayError('usage', `"${text}" is not a length of time`, { hint: 'Write 90s, 15m, 24h or 30d.' });
  }
  return seconds;
}

/** @throws SlipwayError `usage` */
export function parseCount(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1) return count;
  throw new SlipwayError('usage', `"${text}" is not a whole number above 0`);
}
