/** The releases that the store's signed metadata names, and how to find one. Pure data: it never reads the store. */
import type { Digest } from '../../contract/digest.ts';
import type { Channel, Product } from '../../contract/release/manifest.ts';
import type { Platform } from '../../contract/release/platform.ts';
import { compareVersions, type Version } from '../../contract/release/version.ts';

/** What deciding needs to know of a release; the rest stays in its manifest. */
export interface Release {
  readonly product: Product;
  readonly platform: Platform;
  readonly version: Version;
  readonly counter: number;
  readonly channels: readonly Channel[];
  readonly floors: readonly Version[];
  readonly minUpdaterVersion: Version | undefined;
  readonly manifestSha256: Digest;
  /** What one device may move for it at the most: of each component the longest blob and the longest delta. */
  readonly maxTransferBytes: number;
  readonly targetPath: string;
}

/** A release by its version, or the one that a channel points to. */
export type ReleaseTarget = { readonly release: Version } | { readonly channel: Channel };

export class ReleaseIndex {
  readonly #byLine = new Map<string, Release[]>();
  readonly size: number;

  /** @param releases of any number of products and platforms, in any order */
  constructor(releases: Iterable<Release>) {
    let size = 0;
    for (const release of releases) {
      const line = lineOf(release.product, release.platform);
      const known = this.#byLine.get(line);
      if (known) known.push(release);
      else this.#byLine.set(line, [release]);
      size++;
    }
    for (const line of this.#byLine.values()) line.sort((a, b) => compareVersions(a.version, b.version));
    this.size = size;
  }

  /** Releases of one product and platform, by version. */
  line(product: Product, platform: Platform): readonly Release[] {
    return this.#byLine.get(lineOf(product, platform)) ?? [];
  }

  find(product: Product, platform: Platform, target: ReleaseTarget): Release | undefined {
    const line = this.line(product, platform);
    if ('release' in target) return line.find((release) => compareVersions(release.version, target.release) === 0);
    return line.findLast((release) => release.channels.includes(target.channel));
  }

  /** Distinct versions that `target` means, over all platforms of the product; ascending. */
  versions(product: Product, target: ReleaseTarget): Version[] {
    const found = new Set<Version>();
    for (const line of this.#byLine.values()) {
      const [first] = line;
      const release = first?.product === product ? this.find(product, first.platform, target) : undefined;
      if (release) found.add(release.version);
    }
    return [...found].sort(compareVersions);
  }

  all(): Release[] {
    return [...this.#byLine.values()].flat();
  }
}

function lineOf(product: Product, platform: Platform): string {
  return `${product} ${platform}`;
}
