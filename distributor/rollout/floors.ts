/** The way over floors: versions that may not be jumped over (Kubernetes minor skew, a data migration). */
import { compareVersions, type Version } from '../../contract/release/version.ts';
import type { Release, ReleaseIndex } from '../catalog/releases.ts';

export type Hop =
  | { readonly kind: 'go'; readonly release: Release }
  /** A floor lies in between and the store has no release of it for the platform. */
  | { readonly kind: 'missing'; readonly floor: Version };

/**
 * The release to install next on the way from `current` to `goal`: `goal` itself, or the lowest floor between them, a
 * floor's own floors included. A device without a release installs the goal at once.
 */
export function nextHop(goal: Release, current: Version | undefined, releases: ReleaseIndex): Hop {
  if (current === undefined) return { kind: 'go', release: goal };
  let release = goal;
  for (;;) {
    const floor = lowestBetween(release.floors, current, release.version);
    if (floor === undefined) return { kind: 'go', release };
    const found = releases.find(goal.product, goal.platform, { release: floor });
    if (!found) return { kind: 'missing', floor };
    release = found;
  }
}

function lowestBetween(floors: readonly Version[], above: Version, below: Version): Version | undefined {
  return floors
    .filter((floor) => compareVersions(floor, above) > 0 && compareVersions(floor, below) < 0)
    .sort(compareVersions)[0];
}
