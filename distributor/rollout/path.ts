/**
 * Finds the way from the release that a device runs to the goal, one update at a time: over floors that may not be
 * jumped over, and no further up than the allowed number of minor versions at once (Kubernetes version skew policy).
 */
import semver from 'semver';
import { skippedFloor } from '../../contract/release/acceptance.ts';
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

/** The release to install next: the goal itself, or one on the way. A device without a release installs the goal. */
export function nextHop({ goal, current, releases, maxMinorStep, isRefused }: PathInput): Hop {
  if (current === undefined) return { kind: 'go', release: goal, because: 'goal' };
  const step = minorStepOf(goal.version, maxMinorStep);
  let release = goal;
  let because: 'goal' | 'floor' | 'skew' = 'goal';
  for (;;) {
    const floor = skippedFloor(release, current);
    if (floor !== undefined) {
      const found = releases.find(goal.product, goal.platform, { release: floor });
      if (!found) return { kind: 'missing', because: 'floor', needed: floor };
      [release, because] = [found, 'floor'];
      continue;
    }
    if (!isTooFar(current, release.version, step)) return { kind: 'go', release, because };
    const next = newestWithin(releases.line(goal.product, goal.platform), current, release, step, isRefused);
    if (!next) return { kind: 'missing', because: 'skew', needed: minorAfter(current) };
    [release, because] = [next, 'skew'];
  }
}

/** K3s and K0s follow Kubernetes, which goes one minor version at a time; others may do as they like. */
function minorStepOf(version: Version, declared: number | undefined): number {
  return declared ?? (/\+(k3s|k0s)/.test(version) ? 1 : Number.POSITIVE_INFINITY);
}

/** Kubernetes has had one major version; across majors minors say nothing, and floors have to. */
function isTooFar(from: Version, to: Version, step: number): boolean {
  if (step === Number.POSITIVE_INFINITY || semver.major(from) !== semver.major(to)) return false;
  return semver.minor(to) - semver.minor(from) > step;
}

/** Of the minor versions within reach the highest, of that the newest; strictly between the two ends. */
function newestWithin(
  line: readonly Release[],
  from: Version,
  to: Release,
  step: number,
  isRefused: (release: Release) => boolean,
): Release | undefined {
  return line.findLast(
    (release) =>
      compareVersions(release.version, to.version) < 0 &&
      release.counter < to.counter &&
      semver.major(release.version) === semver.major(from) &&
      semver.minor(release.version) > semver.minor(from) &&
      semver.minor(release.version) - semver.minor(from) <= step &&
      semver.prerelease(release.version) === null &&
      !isRefused(release),
  );
}

function minorAfter(version: Version): string {
  return `${semver.major(version)}.${semver.minor(version) + 1}`;
}
