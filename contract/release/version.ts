/**
 * Compares versions of releases by Semantic Versioning 2.0.0 in the order of K3s. A leading `v` is allowed. K3s counts its
 * own builds in the build metadata (`v1.33.9+k3s2` follows `v1.33.9+k3s1`) and its candidates without a dot (`-rc10` follows
 * `-rc9`), where the specification has no order, or another.
 */
import semver from 'semver';
import * as z from 'zod';

export const versionSchema = z
  .string()
  .max(128)
  .regex(/^v?\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$/, 'expected a semantic version such as 1.33.9+k3s1')
  .refine((version) => semver.valid(version) !== null, 'expected a semantic version such as 1.33.9+k3s1');
export type Version = z.infer<typeof versionSchema>;

/** Negative, zero or positive as `a` is before, equal to or after `b`. */
export function compareVersions(a: Version, b: Version): number {
  const [x, y] = [parsed(a), parsed(b)];
  const before = x.compareMain(y) || comparePrerelease(x.prerelease, y.prerelease);
  return before !== 0 ? before : compareNaturally(buildOf(a), buildOf(b));
}

function parsed(version: Version): semver.SemVer {
  return new semver.SemVer(version);
}

type Prerelease = readonly (string | number)[];

/** Identifier by identifier; a version without any is the release itself and comes last. */
function comparePrerelease(a: Prerelease, b: Prerelease): number {
  if (a.length === 0 || b.length === 0) return Math.sign(b.length - a.length);
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const [x, y] = [a[i], b[i]];
    if (x === undefined || y === undefined) return a.length - b.length;
    const order = compareIdentifiers(x, y);
    if (order !== 0) return order;
  }
  return 0;
}

/** A number comes before a word; words with a number in them go by it. */
function compareIdentifiers(a: string | number, b: string | number): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  if (typeof a === 'number') return -1;
  return typeof b === 'number' ? 1 : compareNaturally(a, b);
}

function buildOf(version: Version): string {
  const plus = version.indexOf('+');
  return plus < 0 ? '' : version.slice(plus + 1);
}

/** Natural order: runs of digits by value, the rest by code unit, so that k3s10 follows k3s9. */
function compareNaturally(a: string, b: string): number {
  const as: string[] = a.match(/\d+|\D+/g) ?? [];
  const bs: string[] = b.match(/\d+|\D+/g) ?? [];
  for (let i = 0; i < Math.max(as.length, bs.length); i++) {
    const [x, y] = [as[i], bs[i]];
    if (x === undefined || y === undefined) return as.length - bs.length;
    if (x === y) continue;
    const numeric = /^\d/.test(x) && /^\d/.test(y) ? compareDigits(x, y) : 0;
    if (numeric !== 0) return numeric;
    if (x !== y) return x < y ? -1 : 1;
  }
  return 0;
}

function compareDigits(a: string, b: string): number {
  const [x, y] = [BigInt(a), BigInt(b)];
  return x === y ? 0 : x < y ? -1 : 1;
}
