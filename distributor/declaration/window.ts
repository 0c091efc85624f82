/**
 * Parses maintenance windows as people declare them: days, two times of day and a time zone. rollout/windows says when
 * one is open.
 */
import * as z from 'zod';

/** In the order of ISO 8601: Monday is 1. */
export const weekdays = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'] as const;
type Weekday = (typeof weekdays)[number];

export const minutesOfDay = 24 * 60;

export interface Window {
  /** Name of the IANA database. */
  readonly timeZone: string;
  /** Days on which it opens, local; empty means every day. */
  readonly days: readonly Weekday[];
  /** Minutes after local midnight, 0 to 1439. */
  readonly fromMinute: number;
  /** 0 to 1440; at or before `fromMinute` it is the time on the day after. Never equal to `fromMinute`. */
  readonly toMinute: number;
}

const timePattern = /^([01]\d|2[0-3]):[0-5]\d$/;
const fromSchema = z.string().regex(timePattern, 'expected a time of day such as "22:00"');
const toSchema = z
  .string()
  .regex(/^(([01]\d|2[0-3]):[0-5]\d|24:00)$/, 'expected a time of day such as "05:00" or "24:00"');

/** Zones that the runtime's IANA database knows; offsets such as +02:00 are refused, they know no daylight saving. */
const timeZoneSchema = z
  .string()
  .max(64)
  .superRefine((timeZone, context) => {
    if (isTimeZone(timeZone)) return;
    context.addIssue({
      code: 'custom',
      message: `unknown time zone ${timeZone}`,
      params: { fix: 'Write a name of the IANA database such as Europe/Berlin, or UTC.' },
    });
  });

const windowSchema = z
  .strictObject({
    timeZone: timeZoneSchema,
    days: z.array(z.enum(weekdays)).min(1, 'a window without a day never opens').max(7).optional(),
    from: fromSchema,
    to: toSchema,
  })
  .superRefine(({ from, to }, context) => {
    if (from !== to && !(from === '00:00' && to === '00:00')) return;
    context.addIssue({
      code: 'custom',
      path: ['to'],
      message: `a window from ${from} to ${to} never opens`,
      params: { fix: 'Let it end at another time; for a whole day write from "00:00" to "24:00".' },
    });
  });

export const windowsSchema = z
  .array(windowSchema)
  .min(1, 'a rollout with an empty list of windows never opens')
  .max(64);

export function windowOf({ timeZone, days, from, to }: z.output<typeof windowSchema>): Window {
  return { timeZone, days: days ?? [], fromMinute: minuteOf(from), toMinute: minuteOf(to) };
}

function minuteOf(time: string): number {
  return Number(time.slice(0, 2)) * 60 + Number(time.slice(3));
}

function isTimeZone(timeZone: string): boolean {
  if (/^[+-]/.test(timeZone)) return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone });
    return true;
  } catch {
    return false;
  }
}
