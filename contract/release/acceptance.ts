/**
 * Decides whether a device may install a release. The packager publishes by these rules, the server looks for ways and
 * offers by them, and the device holds them against whatever it is offered.
 */
import type { Platform } from './platform.ts';
import { compareVersions, type Version } from './version.ts';

interface Installable {
  readonly platform: Platform;
  readonly version: Version;
  readonly counter: number;
  readonly floors: readonly Version[];
  readonly minUpdaterVersion?: Version | undefined;
}

export interface Installer {
  readonly platform: Platform;
  readonly updaterVersion: Version;
  /** What runs now; undefined before the first release, which jumps over nothing. */
  readonly current: Version | undefined;
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
export function skippedFloor({ floors, version }: Pick<Installable, 'floors' | 'version'>, current: Version) {
  return floors
    .filter((floor) => compareVersions(floor, current) > 0 && compareVersions(floor, version) < 0)
    .sort(compareVersions)[0];
}
