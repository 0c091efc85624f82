/**
 * Builds the keys of objects in a store: the same in S3, in a directory, in a bundle and below `/v1/` of the
 * distributor.
 */
import type { Digest } from './digest.ts';

/** `blobs/sha256/<first two>/<digest>`, so that a directory store has 256 folders. */
export function blobKey(digest: Digest): string {
  return `blobs/sha256/${digest.slice(0, 2)}/${digest}`;
}

/** `targets/<digest>.release.json` */
export function manifestKey(digest: Digest): string {
  return `targets/${digest}.release.json`;
}

/**
 * `deltas/<digest>.json`: what publishers remember of deltas that they made. No device asks for it.
 * @param digest of what they were made from
 */
export function madeDeltasKey(digest: Digest): string {
  return `deltas/${digest}.json`;
}

/** TUF consistent snapshots (7): `metadata/<version>.<role>.json`; only the timestamp has a fixed name. */
export function metadataKey(role: string, version: number): string {
  return `metadata/${version}.${role}.json`;
}

export const timestampKey = 'metadata/timestamp.json';
