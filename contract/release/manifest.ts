/**
 * Defines release.json, which says what one release consists of. It is the only kind of TUF target; every other byte on
 * a device is a blob that this manifest names by digest and length.
 */
import * as z from 'zod';
import { canonicalJson } from '../canonical-json.ts';
import { type Digest, digestSchema, sha256 } from '../digest.ts';
import { SlipwayError } from '../errors.ts';
import { limits } from '../limits.ts';
import { strictJson } from '../strict-json.ts';
import { permitsRole } from '../trust/keys-only-roles.ts';
import { attachmentSchema } from './attachment.ts';
import { componentNameSchema } from './component-name.ts';
import { deltaNeedsSchema } from './delta-needs.ts';
import { distributionSchema } from './distribution.ts';
import { installPathSchema } from './install-path.ts';
import { breachesOf } from './manifest-rules.ts';
import { type Platform, platformSchema, platformSlug } from './platform.ts';
import { rollbackPolicySchema } from './rollback-policy.ts';
import { manifestSchemaVersions } from './schema-version.ts';
import { upstreamCheckSchema } from './upstream-check.ts';
import { type Version, versionSchema } from './version.ts';

/** A product is one path segment of a TUF target and the name of its delegated role. */
export const productSchema = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, 'expected lower-case letters, digits and inner hyphens, 63 at most')
  .refine(
    (name) => !['root', 'targets', 'snapshot', 'timestamp', permitsRole].includes(name),
    'is the name of a TUF role',
  );
export type Product = z.infer<typeof productSchema>;

export const channelSchema = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$/, 'expected lower-case letters, digits, inner dots and hyphens');
export type Channel = z.infer<typeof channelSchema>;

const lengthSchema = z.number().int().min(0).max(limits.maxComponentBytes);

/** How the bytes of a blob are wrapped for transport. */
const encodingSchema = z.enum(['identity', 'zstd']);

/** One stored object; `length` and `sha256` are those of the bytes on the wire. */
const blobSchema = z.strictObject({
  encoding: encodingSchema,
  length: lengthSchema,
  sha256: digestSchema,
});
export type Blob = z.infer<typeof blobSchema>;

const vcdiffDeltaSchema = blobSchema.extend({
  fromSha256: digestSchema,
  /** RFC 3284 without secondary compression, see delta/vcdiff. */
  format: z.literal('vcdiff'),
});

const slipwayDeltaSchema = blobSchema.extend({
  fromSha256: digestSchema,
  /** delta/FORMAT.md */
  format: z.literal('slipway'),
  /** By these a device decides before it downloads: who cannot meet them takes the next best. */
  needs: deltaNeedsSchema,
});

/** A blob that turns the component with digest `fromSha256` into this one. */
export const deltaSchema = z.discriminatedUnion('format', [vcdiffDeltaSchema, slipwayDeltaSchema]);
export type Delta = z.infer<typeof deltaSchema>;

const componentKinds = ['binary', 'images', 'manifests', 'wasm', 'file'] as const;
export const componentKindSchema = z.enum(componentKinds);
export type ComponentKind = z.infer<typeof componentKindSchema>;

/** Permission bits of the installed file, an octal string; set-uid and its like cannot be expressed. */
export const modeSchema = z.string().regex(/^0[0-7]{3}$/, 'expected an octal mode such as "0755"');

const componentSchema = z.strictObject({
  name: componentNameSchema,
  kind: componentKindSchema,
  installPath: installPathSchema,
  mode: modeSchema,
  /** Of the installed file. */
  length: lengthSchema,
  sha256: digestSchema,
  /** The whole component; at least one, cheapest for most links first. */
  blobs: z.array(blobSchema).min(1).max(limits.maxBlobsPerComponent),
  deltas: z.array(deltaSchema).max(limits.maxDeltasPerComponent),
});
export type Component = z.infer<typeof componentSchema>;

export const counterSchema = z.number().int().min(1).max(Number.MAX_SAFE_INTEGER);

/** Of a release: a device that committed the highest number there is would never update again. */
const releaseCounterSchema = counterSchema.refine(
  (counter) => counter < Number.MAX_SAFE_INTEGER,
  'no later release can follow this counter',
);

export const manifestSchema = z
  .strictObject({
    schemaVersion: z.literal(manifestSchemaVersions),
    product: productSchema,
    platform: platformSchema,
    version: versionSchema,
    /** Anti-rollback: a device never goes below the counter it has committed without a permit. */
    counter: releaseCounterSchema,
    /** Versions that may not be jumped over on the way to this release. */
    floors: z.array(versionSchema).max(64),
    /** The oldest edge-updater that can install this release. */
    minUpdaterVersion: versionSchema.optional(),
    /** Since schema version 2. */
    distribution: distributionSchema.optional(),
    /** Since schema version 2; see rollbackPolicy for what holds where it is absent. */
    onRollback: rollbackPolicySchema.optional(),
    components: z.array(componentSchema).min(1).max(limits.maxComponents),
    /** Since schema version 3, like the next: documents beside the components. */
    attachments: z.array(attachmentSchema).min(1).max(limits.maxAttachments).optional(),
    /** Components that are what their makers publish. */
    upstream: z.array(upstreamCheckSchema).min(1).max(limits.maxComponents).optional(),
  })
  .superRefine((manifest, context) => {
    for (const breach of breachesOf(manifest)) context.addIssue({ code: 'custom', ...breach });
  });
export type ReleaseManifest = z.infer<typeof manifestSchema>;

type NamedBlob = Pick<Blob, 'sha256' | 'length'>;

/** Blobs that hold a release by themselves: of components, and attachments. */
export function wholeBlobsOf({ components, attachments = [] }: ReleaseManifest): NamedBlob[] {
  return [...components.flatMap(({ blobs }) => blobs), ...attachments];
}

/** All blobs that a release names: those, and deltas. */
export function namedBlobsOf(manifest: ReleaseManifest): NamedBlob[] {
  return [...wholeBlobsOf(manifest), ...manifest.components.flatMap(({ deltas }) => deltas)];
}

/** TUF target path of a release: `<product>/<os>-<arch>/<version>/release.json`. */
export function targetPath(release: { product: Product; platform: Platform; version: Version }): string {
  return `${release.product}/${platformSlug(release.platform)}/${release.version}/release.json`;
}

/** The path pattern that a product's role is limited to (TUF 4.5, `*` does not match `/`). */
export function targetPattern(product: Product): string {
  return `${product}/*/*/release.json`;
}

/**
 * The bytes that are signed for, and their digest: the name of the slot on a device.
 * @throws SlipwayError `manifest-malformed` when it is longer than any device would read
 */
export function encodeManifest(manifest: ReleaseManifest): { bytes: Uint8Array; sha256: Digest } {
  const bytes = canonicalJson(manifestSchema.parse(manifest));
  if (bytes.length > limits.maxManifestBytes) {
    throw new SlipwayError(
      'manifest-malformed',
      `release.json would have ${bytes.length} bytes, ${limits.maxManifestBytes} allowed`,
      { hint: 'Pack several files into one component.' },
    );
  }
  return { bytes, sha256: sha256(bytes) };
}

/**
 * Parses verified bytes of a release.json. One release has one form (RFC 8785): bytes that say the same in another way
 * would be another slot, which no device can make again.
 * @throws SlipwayError `manifest-malformed`, or `manifest-schema-unknown` for another schema version
 */
export function decodeManifest(bytes: Uint8Array): ReleaseManifest {
  if (bytes.length > limits.maxManifestBytes) {
    throw new SlipwayError('manifest-malformed', `release.json has ${bytes.length} bytes, over the limit`);
  }
  let value: unknown;
  try {
    value = strictJson(bytes);
  } catch (cause) {
    throw new SlipwayError('manifest-malformed', 'release.json is not JSON', { cause });
  }
  const schemaVersion = (value as { schemaVersion?: unknown } | null)?.schemaVersion;
  if (typeof schemaVersion === 'number' && !manifestSchemaVersions.some((known) => known === schemaVersion)) {
    throw new SlipwayError(
      'manifest-schema-unknown',
      `release.json has schema version ${schemaVersion}, this program reads ${manifestSchemaVersions.join(' and ')}`,
      { hint: 'Update this program first.' },
    );
  }
  const parsed = manifestSchema.safeParse(value);
  if (parsed.success) {
    if (isSame(canonicalJson(parsed.data), bytes)) return parsed.data;
    throw new SlipwayError('manifest-malformed', 'release.json is not canonical JSON (RFC 8785)', {
      hint: 'Build the release again with slipway-packager, and publish what it builds.',
    });
  }
  const issue = parsed.error.issues[0];
  throw new SlipwayError('manifest-malformed', `release.json: ${issue?.path.join('.')}: ${issue?.message}`, {
    cause: parsed.error,
  });
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
