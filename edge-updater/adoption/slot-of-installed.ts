/**
 * Describes what is installed as a release: the slot that an adopted box starts from. Nobody signed it, and nothing was
 * brought for it; it is there to go back to and to make deltas from.
 */
import type { InstalledRelease } from '../../contract/device-api/check.ts';
import type { Digest } from '../../contract/digest.ts';
import { type DistributionName, distributionSchema } from '../../contract/release/distribution.ts';
import { type Component, encodeManifest } from '../../contract/release/manifest.ts';
import type { Platform } from '../../contract/release/platform.ts';
import { schemaVersionFor, updaterNeeded } from '../../contract/release/schema-version.ts';
import type { Version } from '../../contract/release/version.ts';

interface InstalledSlot {
  readonly release: InstalledRelease;
  readonly component: Component;
  readonly manifestBytes: Uint8Array;
}

interface InstalledProgram {
  readonly distribution: DistributionName;
  readonly version: Version;
  readonly payload?: string | undefined;
  readonly installPath: string;
}

/** Below every counter that a publisher counts to; the floor of the device is not raised by it. */
const leastCounter = 1;

/** @param installed its version may begin with a `v`, as K3s and K0s write it */
export function slotOfInstalled(
  installed: InstalledProgram,
  file: { readonly product: string; readonly platform: Platform; readonly sha256: Digest; readonly length: number },
): InstalledSlot {
  const { product, platform, sha256, length } = file;
  const version = installed.version.replace(/^v/, '');
  const component: Component = {
    ...{
      name: installed.distribution,
      kind: 'binary',
      installPath: installed.installPath,
      mode: '0755',
      length,
      sha256,
    },
    ...{ blobs: [{ encoding: 'identity', length, sha256 }], deltas: [] },
  };
  const distribution = distributionOf(installed, version);
  const schemaVersion = schemaVersionFor({ distribution });
  const { bytes, sha256: manifestSha256 } = encodeManifest({
    ...{ schemaVersion, product, platform, version, counter: leastCounter, floors: [], components: [component] },
    ...{ distribution, minUpdaterVersion: updaterNeeded(schemaVersion, undefined) },
  });
  return { release: { version, counter: leastCounter, manifestSha256 }, component, manifestBytes: bytes };
}

/** What the box says of itself: a version that is no K3s' or K0s' own is left out. */
function distributionOf({ distribution: name, payload }: InstalledProgram, version: Version) {
  return distributionSchema.safeParse({ name, version, component: name, payload }).data;
}
