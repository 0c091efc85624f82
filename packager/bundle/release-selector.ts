/** Names one release of a store as a person does: `product/linux-arm64/1.2.3`, or a channel in place of the version. */
import { SlipwayError } from '../../contract/errors.ts';
import { channelSchema, productSchema } from '../../contract/release/manifest.ts';
import { type Platform, platformSlug, platforms } from '../../contract/release/platform.ts';
import { versionSchema } from '../../contract/release/version.ts';

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
