/**
 * Says how long each role's signature holds: as root says, or by default. The instants that follow from it are computed
 * from a clock that the caller passes.
 */
import type { Root } from '@tufjs/models';
import * as z from 'zod';
import { SlipwayError } from '../../contract/errors.ts';

/** Days, by the kind of role: offline roles long, online ones short (a freeze attack lasts no longer than these). */
const bounds = {
  root: { default: 365, min: 30, max: 1825 },
  targets: { default: 180, min: 14, max: 1095 },
  product: { default: 60, min: 7, max: 730 },
  snapshot: { default: 7, min: 1, max: 90 },
  timestamp: { default: 1, min: 1, max: 30 },
} as const;

export type RoleKind = keyof typeof bounds;
export const roleKinds = Object.keys(bounds) as RoleKind[];
/** Whole days. */
export type Lifetimes = Readonly<Record<RoleKind, number>>;

const dayMs = 24 * 3600 * 1000;

export const defaultLifetimes = Object.fromEntries(roleKinds.map((kind) => [kind, bounds[kind].default])) as Lifetimes;

/** In the signed `custom` field of root; whoever does not know it takes the defaults. */
const rootCustomSchema = z.looseObject({ lifetimeDays: z.record(z.enum(roleKinds), z.number()).optional() });

/** @throws SlipwayError `metadata-malformed` where root says something that no owner could have asked for */
export function lifetimesOf({ unrecognizedFields }: Pick<Root, 'unrecognizedFields'>): Lifetimes {
  if (unrecognizedFields.custom === undefined) return defaultLifetimes;
  const custom = rootCustomSchema.safeParse(unrecognizedFields.custom);
  const problem = custom.success
    ? lifetimeProblem(custom.data.lifetimeDays ?? defaultLifetimes)
    : 'they are no numbers';
  if (problem !== undefined) throw new SlipwayError('metadata-malformed', `the lifetimes that root says: ${problem}`);
  return custom.data?.lifetimeDays ?? defaultLifetimes;
}

/** @returns what is wrong with them, one line */
export function lifetimeProblem(lifetimes: Lifetimes): string | undefined {
  for (const kind of roleKinds) {
    const [days, { min, max }] = [lifetimes[kind], bounds[kind]];
    if (!Number.isInteger(days) || days < min || days > max) return `${kind} may have ${min} to ${max} days`;
  }
  return lifetimes.timestamp <= lifetimes.snapshot ? undefined : 'a timestamp may not live longer than its snapshot';
}

/** The fields of a root that says these lifetimes; the defaults are not written. */
export function withLifetimes(fields: Root['unrecognizedFields'], lifetimes: Lifetimes): Root['unrecognizedFields'] {
  const { lifetimeDays: _, ...custom } = (fields.custom ?? {}) as Record<string, unknown>;
  const isDefault = roleKinds.every((kind) => lifetimes[kind] === defaultLifetimes[kind]);
  const next = isDefault ? custom : { ...custom, lifetimeDays: lifetimes };
  const { custom: _before, ...others } = fields;
  return Object.keys(next).length === 0 ? others : { ...others, custom: next as never };
}

/** RFC 3339 in whole seconds, UTC (TUF 4.2.1). */
export function expiryAt(kind: RoleKind, now: Date, lifetimes: Lifetimes = defaultLifetimes): string {
  const wholeSeconds = Math.floor(now.getTime() / 1000) * 1000;
  return new Date(wholeSeconds + lifetimes[kind] * dayMs).toISOString().replace('.000Z', 'Z');
}

export function isExpired(expires: string, now: Date): boolean {
  return now.getTime() >= Date.parse(expires);
}

/** True when less than half of the lifetime is left: time to sign again. */
export function isHalfSpent(
  kind: RoleKind,
  expires: string,
  now: Date,
  lifetimes: Lifetimes = defaultLifetimes,
): boolean {
  return Date.parse(expires) - now.getTime() < (lifetimes[kind] * dayMs) / 2;
}
