/**
 * Decides whether a release that TUF vouches for may be installed on this device. Each refusal is thrown with the code
 * that names it; nothing on the device has changed by then.
 */
import type { Digest } from '../../contract/digest.ts';
import { SlipwayError } from '../../contract/errors.ts';
import { mayInstall, type Refusal } from '../../contract/release/acceptance.ts';
import type { ReleaseManifest } from '../../contract/release/manifest.ts';
import { targetPath } from '../../contract/release/manifest.ts';
import type { Platform } from '../../contract/release/platform.ts';
import type { TargetCustom } from '../../contract/release/target-custom.ts';
import type { Version } from '../../contract/release/version.ts';
import type { DeviceState } from './state.ts';

export interface Candidate {
  readonly manifest: ReleaseManifest;
  readonly manifestSha256: Digest;
  /** The TUF target path that named it. */
  readonly path: string;
  readonly custom: TargetCustom;
}

export interface AcceptingDevice {
  readonly product: string;
  readonly platform: Platform;
  readonly updaterVersion: Version;
  /** Of the K3s or K0s in the release that is current, where that states it. */
  readonly distribution?: { readonly version: Version } | undefined;
}

/**
 * @param isRetry the server wants it tried although it failed here: lifts the rejection of this one release, and lets
 *   one that was committed here before come back at the very counter that it left behind
 * @throws SlipwayError `manifest-mismatched`, `platform-mismatch`, `updater-too-old`, `release-rejected`,
 *   `counter-not-greater`, `floor-skipped`
 */
export function acceptRelease(
  candidate: Candidate,
  device: AcceptingDevice,
  state: DeviceState,
  isRetry = false,
): void {
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
  const isRejected = state.rejected.some((entry) => entry.manifestSha256 === manifestSha256);
  const refusal = mayInstall(manifest, {
    ...device,
    current: state.current && { version: state.current.version, distribution: device.distribution },
    counterFloor: state.counterFloor,
    knows: isRejected || state.known.includes(manifestSha256),
    rejects: isRejected && !isRetry,
  });
  if (refusal) throw errorOf(refusal, manifest, device, state);
}

function errorOf(
  refusal: Refusal,
  manifest: ReleaseManifest,
  device: AcceptingDevice,
  state: DeviceState,
): SlipwayError {
  const { version, counter } = manifest;
  switch (refusal.rule) {
    case 'platform':
      return new SlipwayError(
        'platform-mismatch',
        `this machine is ${device.platform}, the release is for ${manifest.platform}`,
        { hint: 'Build the release for this platform, or correct `platform` in the configuration.' },
      );
    case 'rejected':
      return new SlipwayError('release-rejected', `${version} failed on this device before`, {
        hint: 'Publish a corrected release, or run `slipway-edge check-now --retry-rejected`.',
      });
    case 'counter':
      return new SlipwayError(
        'counter-not-greater',
        `${version} has counter ${counter}, this device has committed ${state.counterFloor}`,
        { hint: 'Publish the release with a greater counter.' },
      );
    case 'floor':
      return new SlipwayError(
        'floor-skipped',
        `${version} may not be installed on ${state.current?.version} before ${refusal.skipped}`,
        { hint: `Roll out ${refusal.skipped} first.` },
      );
    case 'updater':
      return new SlipwayError(
        'updater-too-old',
        `the release needs edge-updater ${refusal.needed}, this is ${device.updaterVersion}`,
        { hint: 'Update slipway-edge first.' },
      );
  }
}
