/**
 * Finds the way from the release that a device runs to the goal, one update at a time: over floors that may not be
 * jumped over, and no further up than the allowed number of minor versions at once (Kubernetes version skew policy).
 */
import semver from 'semver';
import { skippedFloor } from '../../contract/release/acceptance.ts';
import { distributionVersionOf, type Numbered } from '../../contract/release/distribution.ts';
import { compareVersions, type Version } from '../../contract/release/version.ts';
import type { Release, ReleaseIndex } from '../catalog/releases.ts';

export type Hop =
  | { readonly kind: 'go'; readonly release: Release; readonly because: 'goal' | 'floor' | 'skew' }
  /** The store has no release for the platform that leads on. */
  | { readonly kind: 'missing'; readonly because: 'floor' | 'skew'; readonly needed: string };

export interface PathInput {
  readonly goal: Release;
  readonly current: Version | undefined;
  readonly releases: ReleaseIndex;
  /** As declared; see minorStepOf. */
  readonly maxMinorStep: number | undefined;
  /** Releases that the device would not take; one that may be replaced by another of the same minor version is. */
  readonly isRefused: (release: Release) => boolean;
}

/** What a device runs, with what the catalog knows of it. */
export function runningRelease(
  releases: ReleaseIndex,
  { product, platform }: Pick<Release, 'product' | 'platform'>,
  current: Version,
): Numbered {
  return releases.find(product, platform, { release: current }) ?? { version: current };
}

/** The release to install next: the goal itself, or one on the way. A device without a release installs the goal. */
export function nextHop(input: PathInput): Hop {
  const { goal, current: version, releases } = input;
  if (version === undefined) return { kind: 'go', release: goal, because: 'goal' };
  const current = runningRelease(releases, goal, version);
  const step = minorStepOf(goal, input.maxMinorStep);
  const numberOf = numberingOf(current, goal);
  const line = releases.line(goal.product, goal.platform);
  const seen = new Set([goal]);
  let release = goal;
  let because: 'goal' | 'floor' | 'skew' = 'goal';
  for (;;) {
    const floor = skippedFloor(release, current);
    if (floor !== undefined) {
      const found = releaseAt(floor, release, releases);
      // Floors of two numberings could lead in a circle.
      if (!found || seen.has(found)) return { kind: 'missing', because: 'floor', needed: floor };
      seen.add(found);
      [release, because] = [found, 'floor'];
      continue;
    }
    const from = numberOf(current);
    const to = numberOf(release);
    if (from === undefined || to === undefined || !isTooFar(from, to, step)) return { kind: 'go', release, because };
    const next = newestWithin(line, { from, to, release, step, numberOf, isRefused: input.isRefused });
    if (!next) return { kind: 'missing', because: 'skew', needed: minorAfter(from) };
    [release, because] = [next, 'skew'];
  }
}

/** A floor is the number of a release, or of the K3s or K0s inside one. */
function releaseAt(floor: Version, before: Release, releases: ReleaseIndex): Release | undefined {
  const named = releases.find(before.product, before.platform, { release: floor });
  if (named) return named;
  return releases
    .line(before.product, before.platform)
    .findLast(
      ({ distribution, counter }) =>
        distribution !== undefined && compareVersions(distribution.version, floor) === 0 && counter < before.counter,
    );
}

/** K3s and K0s follow Kubernetes, which goes one minor version at a time; others may do as they like. */
function minorStepOf(goal: Numbered, declared: number | undefined): number {
  return declared ?? (distributionVersionOf(goal) === undefined ? Number.POSITIVE_INFINITY : 1);
}

type Numbering = (release: Numbered) => Version | undefined;

/** The distribution's numbers where both ends of the way tell them, else the product's. */
function numberingOf(current: Numbered, goal: Numbered): Numbering {
  const isTheirs = distributionVersionOf(current) !== undefined && distributionVersionOf(goal) !== undefined;
  return isTheirs ? distributionVersionOf : ({ version }) => version;
}

/** Kubernetes has had one major version; across majors minors say nothing, and floors have to. */
function isTooFar(from: Version, to: Version, step: number): boolean {
  if (step === Number.POSITIVE_INFINITY || semver.major(from) !== semver.major(to)) return false;
  return semver.minor(to) - semver.minor(from) > step;
}

/** Strictly between the two ends. */
interface Stretch {
  readonly from: Version;
  readonly to: Version;
  /** The one at the far end. */
  readonly release: Release;
  readonly step: number;
  readonly numberOf: Numbering;
  readonly isRefused: (release: Release) => boolean;
}

/** Of the minor versions within reach the highest, of that the newest. */
function newestWithin(line: readonly Release[], stretch: Stretch): Release | undefined {
  let newest: { readonly release: Release; readonly version: Version } | undefined;
  for (const release of line) {
    const version = stretch.numberOf(release);
    if (version === undefined || !isWithin(version, release, stretch)) continue;
    if (newest === undefined || compareVersions(version, newest.version) >= 0) newest = { release, version };
  }
  return newest?.release;
}

function isWithin(version: Version, release: Release, { from, to, release: end, step, isRefused }: Stretch): boolean {
  const minors = semver.minor(version) - semver.minor(from);
  return (
    compareVersions(version, to) < 0 &&
    release.counter < end.counter &&
    semver.major(version) === semver.major(from) &&
    minors > 0 &&
    minors <= step &&
    semver.prerelease(version) === null &&
    !isRefused(release)
  );
}

function minorAfter(version: Version): string {
  return `${semver.major(version)}.${semver.minor(version) + 1}`;
}
