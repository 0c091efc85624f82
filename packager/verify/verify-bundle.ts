/** Verifies a bundle by the rules of a device: trust first, then the manifest, then every blob as it passes. */
import type { Digest } from '../../contract/digest.ts';
import { SlipwayError } from '../../contract/errors.ts';
import type { Progress } from '../../contract/progress.ts';
import { targetPath } from '../../contract/release/manifest.ts';
import { manifestKey, metadataKey } from '../../contract/store-keys.ts';
import { refreshTrust, type TrustedRepository } from '../../contract/trust/trusted-set.ts';
import { type BundleHead, readBundle } from '../bundle/read-bundle.ts';
import { listedRelease } from '../repository/product-role.ts';
import { checkManifest } from '../repository/release-manifests.ts';
import { checkBlob, distinctBlobs, type ExpectedBlob, expectedBlobs } from './check-blob.ts';
import type { Verified } from './findings.ts';

interface TrustedHead {
  readonly trusted: TrustedRepository;
  /** Blobs that must still come, by digest. */
  readonly awaited: Map<Digest, ExpectedBlob>;
}

/**
 * @param now the clock of this machine
 * @throws SlipwayError with the code of what is wrong first
 */
export async function verifyBundle(
  file: string,
  pinnedRoot: Uint8Array | undefined,
  now: Date,
  progress: Progress,
): Promise<Verified> {
  let head: TrustedHead | undefined;
  let blobs = 0;
  await readBundle(file, {
    async head(found) {
      head = await trustHead(found, pinnedRoot, now);
      progress.expect([...head.awaited.values()].reduce((sum, { blob }) => sum + blob.length, 0));
    },
    async blob(digest, _length, bytes) {
      const expected = head?.awaited.get(digest);
      if (!expected) throw new SlipwayError('bundle-malformed', `the manifest does not name the blob ${digest}`);
      head?.awaited.delete(digest);
      blobs += 1;
      await checkBlob(bytes, expected, progress.advance);
    },
  });
  const missing = [...(head?.awaited.values() ?? [])].find(({ component }) => component !== undefined);
  if (missing) {
    throw new SlipwayError('bundle-truncated', `${missing.label}: the bundle lacks the blob ${missing.blob.sha256}`, {
      hint: 'Copy the bundle again, or make it again with: slipway-packager bundle',
    });
  }
  return {
    what: 'bundle',
    signatures: head?.trusted.documents.size ?? 0,
    releases: 1,
    blobs,
    rootPinned: pinnedRoot !== undefined,
    ...(head ? { expires: head.trusted.expires } : {}),
  };
}

async function trustHead(
  { index, members }: BundleHead,
  pinned: Uint8Array | undefined,
  now: Date,
): Promise<TrustedHead> {
  const root = pinned ?? members.get(metadataKey('root', 1));
  if (!root) throw new SlipwayError('metadata-missing', 'the bundle has no root.json');
  const fetch = async (name: string) => members.get(`metadata/${name}`);
  const trusted = await refreshTrust({ known: new Map([['root', root]]), fetch, now });
  const target = await trusted.findTarget(targetPath(index));
  const release = target && listedRelease(target);
  if (!release) throw new SlipwayError('target-unknown', `no role signs for ${targetPath(index)}`);
  if (release.manifestSha256 !== index.manifestSha256) {
    throw new SlipwayError('digest-mismatch', `the manifest of ${release.path} is not the one that bundle.json names`);
  }
  const bytes = members.get(manifestKey(release.manifestSha256));
  if (!bytes) throw new SlipwayError('bundle-truncated', `the bundle has no manifest of ${release.path}`);
  const manifest = checkManifest(release, bytes);
  return {
    trusted,
    awaited: new Map(distinctBlobs(expectedBlobs(manifest)).map((expected) => [expected.blob.sha256, expected])),
  };
}
