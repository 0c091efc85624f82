/**
 * Decides whether a device may install a release. The packager publishes by these rules, the server looks for ways and
 * offers by them, and the device holds them against whatever it is offered.
 */
import { distributionVersionOf, isDistributionVersion, type Numbered } from './distribution.ts';
import type { Platform } from './platform.ts';
import { compareVersions, type Version } from './version.ts';

interface Installable extends Numbered {
  readonly platform: Platform;
  readonly counter: number;
  readonly floors: readonly Version[];
  readonly minUpdaterVersion?: Version | undefined;
}

export interface Installer {
  readonly platform: Platform;
  readonly updaterVersion: Version;
  /** What runs now; undefined before the first release, which jumps over nothing. */
  readonly current: Numbered | undefined;
  /** The highest counter that was ever committed there. */
  readonly counterFloor: number;
  /** The release was installed there before, and the device went back from it. */
  readonly knows: boolean;
  /** It failed there, and nobody said to try again. */
  readonly rejects: boolean;
}

/** Why not. What a new updater cures comes last. */
export type Refusal =
  | { readonly rule: 'platform' }
  | { readonly rule: 'rejected' }
  | { readonly rule: 'counter' }
  | { readonly rule: 'floor'; readonly skipped: Version }
  | { readonly rule: 'updater'; readonly needed: Version };

/** @returns why the device may not install the release, or undefined where it may */
export function mayInstall(release: Installable, device: Installer): Refusal | undefined {
  if (release.platform !== device.platform) return { rule: 'platform' };
  if (device.rejects) return { rule: 'rejected' };
  if (!isAboveFloor(release.counter, device)) return { rule: 'counter' };
  const skipped = device.current === undefined ? undefined : skippedFloor(release, device.current);
  if (skipped !== undefined) return { rule: 'floor', skipped };
  const { minUpdaterVersion: needed } = release;
  if (needed && compareVersions(device.updaterVersion, needed) < 0) return { rule: 'updater', needed };
  return undefined;
}

/** A release that the device went back from may return at the very counter that it left behind. */
function isAboveFloor(counter: number, { counterFloor, knows }: Installer): boolean {
  return counter > counterFloor || (knows && counter === counterFloor);
}

/** The first version that has to be installed between `current` and the release; undefined where there is none. */
export function skippedFloor(release: Pick<Installable, 'floors'> & Numbered, current: Numbered): Version | undefined {
  return release.floors.filter((floor) => isSkipped(floor, release, current)).sort(compareVersions)[0];
}

/** A floor of K3s or K0s is one among their versions, where both releases tell theirs. */
function isSkipped(floor: Version, release: Numbered, current: Numbered): boolean {
  const [from, to] = [distributionVersionOf(current), distributionVersionOf(release)];
  const isTheirs = isDistributionVersion(floor) && from !== undefined && to !== undefined;
  return isTheirs ? isBetween(floor, from, to) : isBetween(floor, current.version, release.version);
}

function isBetween(version: Version, lower: Version, upper: Version): boolean {
  return compareVersions(version, lower) > 0 && compareVersions(version, upper) < 0;
}
