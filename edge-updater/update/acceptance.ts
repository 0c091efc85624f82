/**
 * Whether a release that TUF vouches for may be installed on this device. Each refusal is thrown with the code that
 * names it; nothing on the device has changed by then.
 */
import type { Digest } from '../../contract/digest.ts';
import { SlipwayError } from '../../contract/errors.ts';
import type { ReleaseManifest } from '../../contract/release/manifest.ts';
import { targetPath } from '../../contract/release/manifest.ts';
import type { Platform } from '../../contract/release/platform.ts';
import type { TargetCustom } from '../../contract/release/target-custom.ts';
import { compareVersions, type Version } from '../../contract/release/version.ts';
import type { DeviceState } from './state.ts';

export interface Candidate {
  readonly manifest: ReleaseManifest;
  readonly manifestSha256: Digest;
  /** The TUF target path that named it. */
  readonly path: string;
  readonly custom: TargetCustom;
}

export interface DeviceFacts {
  readonly product: string;
  readonly platform: Platform;
  readonly updaterVersion: Version;
}

/**
 * @param isRetry the server wants it tried although it failed here: lifts the rejection of this one release, and lets
 *   one that was committed here before come back at the very counter that it left behind
 * @throws SlipwayError `manifest-mismatched`, `platform-mismatch`, `updater-too-old`, `release-rejected`,
 *   `counter-not-greater`, `floor-skipped`
 */
export function acceptRelease(candidate: Candidate, device: DeviceFacts, state: DeviceState, isRetry = false): void {
  const { manifest, manifestSha256, path, custom } = candidate;
  // A signed manifest under another release's name: wrong software (TUF 1.5.2).
  if (targetPath(manifest) !== path) {
    throw new SlipwayError('manifest-mismatched', `${path} holds the manifest of ${targetPath(manifest)}`);
  }
  if (custom.counter !== manifest.counter) {
    throw new SlipwayError(
      'manifest-mismatched',
      `${path}: signed counter ${custom.counter}, manifest ${manifest.counter}`,
    );
  }
  if (manifest.product !== device.product) {
    throw new SlipwayError('manifest-mismatched', `expected product ${device.product}, found ${manifest.product}`);
  }
  if (manifest.platform !== device.platform) {
    throw new SlipwayError(
      'platform-mismatch',
      `this machine is ${device.platform}, the release is for ${manifest.platform}`,
      {
        hint: 'Build the release for this platform, or correct `platform` in the configuration.',
      },
    );
  }
  if (manifest.minUpdaterVersion && compareVersions(device.updaterVersion, manifest.minUpdaterVersion) < 0) {
    throw new SlipwayError(
      'updater-too-old',
      `the release needs edge-updater ${manifest.minUpdaterVersion}, this is ${device.updaterVersion}`,
      { hint: 'Update slipway-edge first.' },
    );
  }
  const isRejected = state.rejected.some((entry) => entry.manifestSha256 === manifestSha256);
  if (isRejected && !isRetry) {
    throw new SlipwayError('release-rejected', `${manifest.version} failed on this device before`, {
      hint: 'Publish a corrected release, or run `slipway-edge check-now --retry-rejected`.',
    });
  }
  const isKnown = isRejected || state.known.includes(manifestSha256);
  const lowest = isKnown ? state.counterFloor : state.counterFloor + 1;
  if (manifest.counter < lowest) {
    throw new SlipwayError(
      'counter-not-greater',
      `${manifest.version} has counter ${manifest.counter}, this device has committed ${state.counterFloor}`,
      { hint: 'Publish the release with a greater counter.' },
    );
  }
  refuseSkippedFloor(manifest, state.current?.version);
}

/** A first install starts from nothing, so it jumps over nothing. */
function refuseSkippedFloor(manifest: ReleaseManifest, current: Version | undefined): void {
  if (current === undefined) return;
  const skipped = manifest.floors
    .filter((floor) => compareVersions(floor, current) > 0 && compareVersions(floor, manifest.version) < 0)
    .sort(compareVersions)[0];
  if (skipped === undefined) return;
  throw new SlipwayError('floor-skipped', `${manifest.version} may not be installed on ${current} before ${skipped}`, {
    hint: `Roll out ${skipped} first.`,
  });
}
