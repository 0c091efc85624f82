/**
 * Compares versions of releases by Semantic Versioning 2.0.0, with two additions. A leading `v` is allowed, and build
 * metadata is ordered, because K3s counts its own builds there (`v1.33.9+k3s2` follows `v1.33.9+k3s1`).
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
  const byPrecedence = semver.compare(a, b);
  return byPrecedence !== 0 ? byPrecedence : compareBuild(buildOf(a), buildOf(b));
}

function buildOf(version: Version): string {
  const plus = version.indexOf('+');
  return plus < 0 ? '' : version.slice(plus + 1);
}

/** Natural order: runs of digits by value, the rest by code unit, so that k3s10 follows k3s9. */
function compareBuild(a: string, b: string): number {
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
