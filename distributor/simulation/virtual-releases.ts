/**
 * Makes the store that a simulation takes to exist: for every product the releases that rollouts name, one before them
 * that the fleet starts from, one for each channel, and one of every minor version in between, so that no way is
 * missing.
 */
import semver from 'semver';
import { sha256 } from '../../contract/digest.ts';
import { type Product, targetPath } from '../../contract/release/manifest.ts';
import { originRequirements } from '../../contract/release/origin.ts';
import type { Platform } from '../../contract/release/platform.ts';
import { sortedByVersion, type Version } from '../../contract/release/version.ts';
import { type Release, ReleaseIndex } from '../catalog/releases.ts';
import type { Plan } from '../declaration/plan.ts';

export interface VirtualReleases {
  readonly index: ReleaseIndex;
  /** What devices of a product run before anything happens. */
  readonly previous: ReadonlyMap<Product, Version>;
}

/** Where a plan names no version at all. */
const firstVersion = '1.0.0';

/** @param installed versions that devices of a product run already, where a fleet is given */
export function virtualReleases(
  plan: Plan,
  platforms: readonly Platform[],
  installed: ReadonlyMap<Product, readonly Version[]>,
): VirtualReleases {
  const previous = new Map<Product, Version>();
  const releases: Release[] = [];
  for (const product of [...new Set(plan.rollouts.map((rollout) => rollout.product))].sort()) {
    const targets = plan.rollouts.filter((rollout) => rollout.product === product).map(({ target }) => target);
    const named = targets.flatMap((target) => ('release' in target ? [target.release] : []));
    const channels = [...new Set(targets.flatMap((target) => ('channel' in target ? [target.channel] : [])))].sort();
    const found = sorted([...named, ...(installed.get(product) ?? [])]);
    const before = versionBefore(found[0] ?? nextPatch(firstVersion));
    previous.set(product, before);
    const byVersion = new Map<Version, string[]>(sorted([before, ...found]).map((version) => [version, []]));
    let newest = found.at(-1) ?? before;
    for (const channel of channels) {
      newest = nextPatch(newest);
      byVersion.set(newest, [channel]);
    }
    for (const version of minorsBetween([...byVersion.keys()])) byVersion.set(version, []);
    for (const platform of platforms) {
      for (const [i, version] of sorted([...byVersion.keys()]).entries()) {
        releases.push(releaseOf(product, platform, version, i + 1, byVersion.get(version) ?? []));
      }
    }
  }
  return { index: new ReleaseIndex(releases), previous };
}

function releaseOf(
  product: Product,
  platform: Platform,
  version: Version,
  counter: number,
  channels: readonly string[],
): Release {
  const path = targetPath({ product, platform, version });
  const manifestSha256 = sha256(new TextEncoder().encode(path));
  return {
    product,
    platform,
    version,
    counter,
    channels,
    floors: [],
    minUpdaterVersion: undefined,
    // A plan is shown as it goes once its releases have what it requires.
    origin: originRequirements,
    manifestSha256,
    targetPath: path,
    maxTransferBytes: Number.MAX_SAFE_INTEGER,
  };
}

/** The patch version before, or the minor version before; `1.33.0+k3s1` follows `1.32.0+k3s1`. */
function versionBefore(version: Version): Version {
  const { major, minor, patch } = semver.parse(version) ?? new semver.SemVer(firstVersion);
  if (patch > 0) return spelled(version, major, minor, patch - 1);
  if (minor > 0) return spelled(version, major, minor - 1, 0);
  return major > 0 ? spelled(version, major - 1, 0, 0) : '0.0.0-0';
}

function nextPatch(version: Version): Version {
  const { major, minor, patch } = semver.parse(version) ?? new semver.SemVer(firstVersion);
  return spelled(version, major, minor, patch + 1);
}

/** One version of each minor that lies between two of one major and is not there. */
function minorsBetween(versions: readonly Version[]): Version[] {
  const ordered = sorted(versions);
  return ordered.flatMap((from, i) => {
    const to = ordered[i + 1];
    if (to === undefined || semver.major(from) !== semver.major(to)) return [];
    const missing: Version[] = [];
    const last = Math.min(semver.minor(to), semver.minor(from) + 64);
    for (let minor = semver.minor(from) + 1; minor < last; minor++) {
      missing.push(spelled(to, semver.major(to), minor, 0));
    }
    return missing;
  });
}

/** With the `v` and the build metadata of `like`, which say whose version it is. */
function spelled(like: Version, major: number, minor: number, patch: number): Version {
  const plus = like.indexOf('+');
  return `${like.startsWith('v') ? 'v' : ''}${major}.${minor}.${patch}${plus < 0 ? '' : like.slice(plus)}`;
}

function sorted(versions: readonly Version[]): Version[] {
  return sortedByVersion(new Set(versions), (version) => version);
}
