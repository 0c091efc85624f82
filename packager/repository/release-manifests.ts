/** Reads release manifests in a store, only against what the signed product role says about them. */
import { sha256 } from '../../contract/digest.ts';
import { SlipwayError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import { decodeManifest, type ReleaseManifest, targetPath } from '../../contract/release/manifest.ts';
import { manifestKey } from '../../contract/store-keys.ts';
import type { StoreReader } from '../../system/store/reader.ts';
import type { ListedRelease } from './product-role.ts';

/** @throws SlipwayError `blob-missing`, `digest-mismatch`, `length-mismatch`, `manifest-…` */
export async function readManifest(
  store: StoreReader,
  release: ListedRelease,
): Promise<{ manifest: ReleaseManifest; bytes: Uint8Array }> {
  const found = await store.readWhole(manifestKey(release.manifestSha256), limits.maxManifestBytes);
  if (!found) {
    throw new SlipwayError('blob-missing', `the store has no manifest of ${release.path}`, {
      hint: 'Restore it from a bundle or a backup of the store.',
    });
  }
  return { manifest: checkManifest(release, found.bytes), bytes: found.bytes };
}

/** Verifies bytes, then parses them, then sees that they are about this release (wrong software). */
export function checkManifest(release: ListedRelease, bytes: Uint8Array): ReleaseManifest {
  if (bytes.length !== release.manifestLength) {
    throw new SlipwayError(
      'length-mismatch',
      `${release.path}: expected ${release.manifestLength} bytes, found ${bytes.length}`,
    );
  }
  const digest = sha256(bytes);
  if (digest !== release.manifestSha256) {
    throw new SlipwayError('digest-mismatch', `${release.path}: expected ${release.manifestSha256}, found ${digest}`, {
      hint: 'The manifest was changed after it was signed: restore it from a bundle or a build.',
    });
  }
  const manifest = decodeManifest(bytes);
  if (targetPath(manifest) !== release.path || manifest.counter !== release.custom.counter) {
    throw new SlipwayError(
      'manifest-mismatched',
      `the manifest under ${release.path} is about ${targetPath(manifest)}`,
    );
  }
  return manifest;
}
