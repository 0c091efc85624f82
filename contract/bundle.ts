/**
 * A bundle is one tar (POSIX ustar/pax, regular files only) with a whole release, for transport without a network. Its
 * members have the keys of a store, so that the same checks read both.
 *
 * Order: `bundle.json`, TUF metadata (every root from version 1 on, timestamp, snapshot, targets, the product's
 * role and the hash bin of the release, where there is one), the release manifest, then blobs in the manifest's order and, on wish, attachments. Deterministic: mtime 0, uid and gid 0, mode 0644.
 */
import * as z from 'zod';
import { digestSchema } from './digest.ts';
import { productSchema } from './release/manifest.ts';
import { platformSchema } from './release/platform.ts';
import { versionSchema } from './release/version.ts';

export const bundleIndexName = 'bundle.json';

/** What a reader needs to find its way; nothing in it is trusted before the TUF metadata agrees. */
export const bundleIndexSchema = z.strictObject({
  schemaVersion: z.literal(1),
  product: productSchema,
  platform: platformSchema,
  version: versionSchema,
  manifestSha256: digestSchema,
});
export type BundleIndex = z.infer<typeof bundleIndexSchema>;

/**
 * An offline grant, for the bundles that have one. No role has a percent sign like this in its name. Updaters that know no
 * grants take it for a document that nobody asks for, and read the bundle as before.
 */
export const bundleGrantName = 'metadata/1.offline%grant.json';

/** Names that may stand in a bundle besides `bundle.json`. Anything else is refused (traversal, look-alikes). */
export const bundleMemberPattern =
  /^(metadata\/(timestamp|\d+\.[a-z0-9%-]+)\.json|targets\/[0-9a-f]{64}\.release\.json|blobs\/sha256\/[0-9a-f]{2}\/[0-9a-f]{64})$/;
