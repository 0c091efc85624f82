/**
 * Resolves a TUF target path to a manifest that the pinned root vouches for. update/acceptance decides whether the
 * release fits this device.
 */
import { type Digest, digestSchema, sha256 } from '../../contract/digest.ts';
import { SlipwayError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import { decodeManifest } from '../../contract/release/manifest.ts';
import { targetCustomSchema } from '../../contract/release/target-custom.ts';
import type { FetchMetadata } from '../../contract/trust/trusted-set.ts';
import type { MetadataStore } from '../ports.ts';
import type { Candidate } from '../update/acceptance.ts';
import type { ReadAttached } from './origin-guard.ts';
import { type OfferedGrant, refreshOffline } from './refresh-offline.ts';

export interface ReleaseSource {
  readonly metadata: FetchMetadata;
  /** The bytes of targets/<digest>.release.json, at most `maxBytes`; undefined where there are none. */
  readonly manifest: (digest: Digest, maxBytes: number) => Promise<Uint8Array | undefined>;
  /** A document that the manifest names; undefined where there is none. */
  readonly attachment: ReadAttached;
  /** Of a bundle: stands for metadata that has ended. */
  readonly grant?: OfferedGrant | undefined;
}

export interface ResolvedRelease extends Candidate {
  readonly manifestBytes: Uint8Array;
}

/**
 * @param now milliseconds since 1970 on the machine's clock; the floor of the store is applied here
 * @throws SlipwayError `metadata-…`, `grant-…`, `target-unknown`, `manifest-…`, `length-mismatch`, `digest-mismatch`
 */
export async function resolveRelease(
  path: string,
  source: ReleaseSource,
  store: MetadataStore,
  now: number,
): Promise<ResolvedRelease> {
  const { repository, keep, grant } = await refreshOffline(source.metadata, store, now, source.grant);
  const target = await repository.findTarget(path);
  // The delegated roles of the walk are in the set by now.
  keep();
  if (!target) {
    throw new SlipwayError('target-unknown', `no role of the repository names ${path}`, {
      hint: 'Wait for the publisher to finish, or look at the rollout.',
    });
  }
  const digest = digestSchema.safeParse(target.hashes.sha256);
  const custom = targetCustomSchema.safeParse(target.custom);
  if (!digest.success || !custom.success) {
    throw new SlipwayError('metadata-malformed', `the target ${path} lacks a sha256 or its counter and channels`);
  }
  if (target.length > limits.maxManifestBytes) {
    throw new SlipwayError('manifest-malformed', `${path} has ${target.length} bytes, over the limit`);
  }
  if (grant && grant.release !== digest.data) {
    throw new SlipwayError('grant-invalid', `the offline grant is for another release than ${path}`, {
      hint: 'Fetch a newer bundle that is made for this device.',
    });
  }
  const manifestBytes = await source.manifest(digest.data, target.length);
  if (!manifestBytes) {
    throw new SlipwayError('blob-missing', `the repository has no manifest ${digest.data}`, {
      hint: 'Publish the release again.',
    });
  }
  if (manifestBytes.length !== target.length) {
    throw new SlipwayError(
      'length-mismatch',
      `${path}: expected ${target.length} bytes, found ${manifestBytes.length}`,
    );
  }
  const found = sha256(manifestBytes);
  if (found !== digest.data) {
    throw new SlipwayError('digest-mismatch', `${path}: expected sha256 ${digest.data}, found ${found}`);
  }
  return { manifest: decodeManifest(manifestBytes), manifestSha256: found, path, custom: custom.data, manifestBytes };
}
