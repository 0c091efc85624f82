/** Finds a release of a store by its name: `product/linux-arm64/1.2.3`, or a channel in place of the version. */
import { SlipwayError } from '../../contract/errors.ts';
import { channelSchema, productSchema } from '../../contract/release/manifest.ts';
import { type Platform, platformSlug, platforms } from '../../contract/release/platform.ts';
import { versionSchema } from '../../contract/release/version.ts';
import type { ListedRelease } from '../repository/product-role.ts';

export interface ReleaseSelector {
  readonly product: string;
  readonly platform: Platform;
  /** One of the two is there. */
  readonly version?: string;
  readonly channel?: string;
}

/**
 * @param text `product/<os>-<arch>/<last>`; `<os>/<arch>` is understood too
 * @throws SlipwayError `usage`
 */
export function parseSelector(text: string, last: 'version' | 'channel'): ReleaseSelector {
  const parts = text.split('/');
  const [product = '', ...rest] = parts;
  const name = rest.pop() ?? '';
  const slug = rest.join('-');
  const platform = platforms.find((candidate) => platformSlug(candidate) === slug);
  const schema = last === 'version' ? versionSchema : channelSchema;
  if (!productSchema.safeParse(product).success || !platform || !schema.safeParse(name).success) {
    throw new SlipwayError('usage', `expected product/os-arch/${last}, found ${text}`, {
      hint: `For example k3s-edge/linux-arm64/${last === 'version' ? '1.33.9+k3s1' : 'stable'}`,
    });
  }
  return { product, platform, [last]: name };
}

/** @param releases of its product @throws SlipwayError `release-unknown` */
export function selectRelease(releases: readonly ListedRelease[], selector: ReleaseSelector): ListedRelease {
  const { product, platform, version, channel } = selector;
  const onPlatform = releases.filter((release) => release.platform === platform);
  const found = onPlatform.find((release) =>
    version === undefined ? release.custom.channels.includes(channel ?? '') : release.version === version,
  );
  if (found) return found;
  const known = onPlatform.map((release) => release.version);
  throw new SlipwayError(
    'release-unknown',
    `the store has no release ${version ?? `of channel ${channel}`} of ${product} for ${platform}`,
    { hint: known.length > 0 ? `It has: ${known.join(', ')}` : 'See what it has with: slipway-packager inspect STORE' },
  );
}
