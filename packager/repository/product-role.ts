/**
 * Reads and makes a product's targets role: one target a release, each with its counter and channels under the
 * signature.
 */
import { TargetFile, Targets } from '@tufjs/models';
import type { Digest } from '../../contract/digest.ts';
import { SlipwayError } from '../../contract/errors.ts';
import type { Product } from '../../contract/release/manifest.ts';
import { type Platform, platformSlug, platforms } from '../../contract/release/platform.ts';
import { type TargetCustom, targetCustomSchema } from '../../contract/release/target-custom.ts';
import type { Version } from '../../contract/release/version.ts';
import type { TrustedRepository } from '../../contract/trust/trusted-set.ts';
import { defaultLifetimes, expiryAt, type Lifetimes } from '../../system/signing/lifetimes.ts';
import { specVersion } from '../../system/signing/signed-document.ts';

/** A release as its product's role names it. */
export interface ListedRelease {
  /** `<product>/<os>-<arch>/<version>/release.json` */
  readonly path: string;
  readonly product: Product;
  readonly platform: Platform;
  readonly version: Version;
  readonly custom: TargetCustom;
  readonly manifestSha256: Digest;
  /** Bytes of release.json. */
  readonly manifestLength: number;
}

/** @throws SlipwayError what loading its roles throws, and `metadata-malformed` for a target that is no release of ours */
export async function listReleases(trusted: TrustedRepository, product: string): Promise<ListedRelease[]> {
  const releases: ListedRelease[] = [];
  for await (const { targets } of trusted.partsOf(product)) releases.push(...targets.map(listedRelease));
  return releases;
}

/** @throws SlipwayError `metadata-malformed` for a target that is no release of ours */
export function listedRelease(target: TargetFile): ListedRelease {
  const [product, slug, version, file] = target.path.split('/');
  const platform = platforms.find((candidate) => platformSlug(candidate) === slug);
  const custom = targetCustomSchema.safeParse(target.custom);
  const manifestSha256 = target.hashes.sha256;
  if (!product || !platform || !version || file !== 'release.json' || !custom.success || !manifestSha256) {
    throw new SlipwayError('metadata-malformed', `the target ${target.path} is not described as a release`);
  }
  return {
    path: target.path,
    product,
    platform,
    version,
    custom: custom.data,
    manifestSha256,
    manifestLength: target.length,
  };
}

/** The next document of a product's role; releases are ordered by path, so that equal states have equal bytes. */
export function productTargets(
  releases: readonly ListedRelease[],
  version: number,
  now: Date,
  lifetimes: Lifetimes = defaultLifetimes,
): Targets {
  const targets = [...releases]
    .sort((a, b) => (a.path < b.path ? -1 : 1))
    .map((release) => {
      const file = new TargetFile({
        path: release.path,
        length: release.manifestLength,
        hashes: { sha256: release.manifestSha256 },
        unrecognizedFields: { custom: customJson(release.custom) },
      });
      return [release.path, file] as const;
    });
  const expires = expiryAt('product', now, lifetimes);
  return new Targets({ specVersion, version, expires, targets: Object.fromEntries(targets) });
}

function customJson({ counter, channels, formerChannels }: TargetCustom) {
  return { counter, channels, ...(formerChannels === undefined ? {} : { formerChannels }) };
}
