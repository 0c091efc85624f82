/**
 * Indexes the releases that the store's signed metadata names, and finds one. It is pure data: it never reads the
 * store.
 */
import type { Digest } from '../../contract/digest.ts';
import type { Channel, Product } from '../../contract/release/manifest.ts';
import { lackingOrigin, type OriginRequirement, type ReleaseOrigin } from '../../contract/release/origin.ts';
import type { Platform } from '../../contract/release/platform.ts';
import { sortedByVersion, type Version } from '../../contract/release/version.ts';

/** What deciding needs to know of a release; the rest stays in its manifest. */
export interface Release {
  readonly product: Product;
  readonly platform: Platform;
  readonly version: Version;
  readonly counter: number;
  readonly channels: readonly Channel[];
  readonly floors: readonly Version[];
  readonly minUpdaterVersion: Version | undefined;
  /** Of the K3s or K0s inside, where the release states it. */
  readonly distribution?: { readonly version: Version } | undefined;
  /** What it says about where it is from. */
  readonly origin?: ReleaseOrigin | undefined;
  readonly manifestSha256: Digest;
  /** What one device may move for it at the most: of each component the longest blob and the longest delta. */
  readonly maxTransferBytes: number;
  readonly targetPath: string;
  /** All that it names; absent where every product is public, and nobody asks whose a blob is. */
  readonly blobs?: readonly Digest[];
}

/** A release by its version, or the one that a channel points to. */
export type ReleaseTarget = { readonly release: Version } | { readonly channel: Channel };

export class ReleaseIndex {
  readonly #byLine = new Map<string, Release[]>();
  /** By line and version without its `v`: two versions without it are equal when their texts are. */
  readonly #byVersion = new Map<string, Release>();
  /** The newest of each channel, by line. */
  readonly #byChannel = new Map<string, Release>();
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
    for (const [name, unsorted] of this.#byLine) {
      const line = sortedByVersion(unsorted, ({ version }) => version);
      this.#byLine.set(name, line);
      for (const release of line) {
        const version = `${name} ${bare(release.version)}`;
        if (!this.#byVersion.has(version)) this.#byVersion.set(version, release);
        for (const channel of release.channels) this.#byChannel.set(`${name} ${channel}`, release);
      }
    }
    this.size = size;
  }

  /** Releases of one product and platform, by version. */
  line(product: Product, platform: Platform): readonly Release[] {
    return this.#byLine.get(lineOf(product, platform)) ?? [];
  }

  find(product: Product, platform: Platform, target: ReleaseTarget): Release | undefined {
    const line = lineOf(product, platform);
    if ('release' in target) return this.#byVersion.get(`${line} ${bare(target.release)}`);
    return this.#byChannel.get(`${line} ${target.channel}`);
  }

  /** Distinct versions that `target` means, over all platforms of the product; ascending. */
  versions(product: Product, target: ReleaseTarget): Version[] {
    const found = new Set<Version>();
    for (const line of this.#byLine.values()) {
      const [first] = line;
      const release = first?.product === product ? this.find(product, first.platform, target) : undefined;
      if (release) found.add(release.version);
    }
    return sortedByVersion(found, (version) => version);
  }

  /** Of what is required that which no platform's release of the version brings along. */
  lacking(product: Product, version: Version, required: readonly OriginRequirement[]): OriginRequirement[] {
    if (required.length === 0) return [];
    const found = [...this.#byLine.values()].flatMap((line) => {
      const release = line[0]?.product === product && this.find(product, line[0].platform, { release: version });
      return release ? [lackingOrigin(required, release.origin ?? [])] : [];
    });
    if (found.some((lacking) => lacking.length === 0)) return [];
    return found.toSorted((a, b) => a.length - b.length)[0] ?? [];
  }

  all(): Release[] {
    return [...this.#byLine.values()].flat();
  }
}

function bare(version: Version): string {
  return version.replace(/^v/, '');
}

function lineOf(product: Product, platform: Platform): string {
  return `${product} ${platform}`;
}
