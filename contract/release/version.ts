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
  return a === b ? 0 : comparePlaces(placeOf(a), placeOf(b));
}

/** Sorts a copy, ascending; equal ones keep their order. Each version is read once, however many comparisons there are. */
export function sortedByVersion<T>(items: Iterable<T>, versionOf: (item: T) => Version): T[] {
  const placed = Array.from(items, (item) => ({ item, place: placeOf(versionOf(item)) }));
  return placed.sort((a, b) => comparePlaces(a.place, b.place)).map(({ item }) => item);
}

/** What decides where a version stands among others. */
interface OrderPlace {
  readonly main: semver.SemVer;
  readonly prerelease: Prerelease;
  readonly build: Runs;
}

function placeOf(version: Version): OrderPlace {
  const main = new semver.SemVer(version);
  const prerelease = main.prerelease.map((part) => (typeof part === 'number' ? part : runsOf(part)));
  return { main, prerelease, build: runsOf(buildOf(version)) };
}

function comparePlaces(a: OrderPlace, b: OrderPlace): number {
  return a.main.compareMain(b.main) || comparePrerelease(a.prerelease, b.prerelease) || compareRuns(a.build, b.build);
}

type Runs = readonly string[];
type Prerelease = readonly (number | Runs)[];

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
function compareIdentifiers(a: number | Runs, b: number | Runs): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  if (typeof a === 'number') return -1;
  return typeof b === 'number' ? 1 : compareRuns(a, b);
}

function buildOf(version: Version): string {
  const plus = version.indexOf('+');
  return plus < 0 ? '' : version.slice(plus + 1);
}

/** Runs of digits, and of anything else. */
function runsOf(text: string): Runs {
  return text.match(/\d+|\D+/g) ?? [];
}

/** Natural order: runs of digits by value, the rest by code unit, so that k3s10 follows k3s9. */
function compareRuns(as: Runs, bs: Runs): number {
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
