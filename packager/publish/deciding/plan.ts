/**
 * Decides what publishing a release to a channel changes in its product's list. It decides from plain data, so that a
 * lost race is decided again from what the winner left.
 */
import { SlipwayError } from '../../../contract/errors.ts';
import type { Channel, ReleaseManifest } from '../../../contract/release/manifest.ts';
import { compareVersions } from '../../../contract/release/version.ts';
import type { ListedRelease } from '../../repository/product-role.ts';

interface PublishRequest {
  readonly manifest: ReleaseManifest;
  readonly channel: Channel;
  /** How many earlier releases of the channel to make deltas from. */
  readonly deltasFrom: number;
}

type PublishPlan =
  /** The release is in the channel already. */
  | { readonly kind: 'nothing'; readonly release: ListedRelease }
  /** The release is listed; only the channel moves to it. */
  | { readonly kind: 'move-channel'; readonly release: ListedRelease }
  /** A new release; deltas from `bases`, newest first. */
  | { readonly kind: 'add'; readonly bases: readonly ListedRelease[] };

/**
 * @param releases all that the product's role lists
 * @param listed the manifest that is listed under the same product, platform and version, if any
 * @throws SlipwayError `version-exists`, `version-not-greater`, `counter-not-greater`
 */
export function planPublish(
  { manifest, channel, deltasFrom }: PublishRequest,
  releases: readonly ListedRelease[],
  listed: ReleaseManifest | undefined,
): PublishPlan {
  const line = releases.filter((release) => release.platform === manifest.platform);
  const same = line.find((release) => release.version === manifest.version);
  if (same && (!listed || !installsTheSame(listed, manifest))) {
    throw new SlipwayError('version-exists', `${nameOf(manifest)} is published already with other content`, {
      hint: 'A published version never changes; raise version and counter.',
    });
  }
  const current = line.find((release) => release.custom.channels.includes(channel));
  if (same && current === same) return { kind: 'nothing', release: same };
  if (current) requireGreater(manifest, current, channel);
  if (same) return { kind: 'move-channel', release: same };
  requireOwnPlace(manifest, line);
  return { kind: 'add', bases: basesOf({ manifest, channel, deltasFrom }, releases) };
}

/** Earlier releases that devices of the channel may run, newest first. */
export function basesOf(
  { manifest, channel, deltasFrom }: PublishRequest,
  releases: readonly ListedRelease[],
): ListedRelease[] {
  return releases
    .filter(({ platform, custom }) => platform === manifest.platform && custom.counter < manifest.counter)
    .filter(({ custom }) => custom.channels.includes(channel) || custom.formerChannels?.includes(channel))
    .sort((a, b) => b.custom.counter - a.custom.counter)
    .slice(0, deltasFrom);
}

/** The list after `entry` was put into the channel; the release that was there before keeps its place without it. */
export function withChannelAt(
  releases: readonly ListedRelease[],
  entry: ListedRelease,
  channel: Channel,
): ListedRelease[] {
  const others = releases
    .filter((release) => release.path !== entry.path)
    .map((release) => (release.platform === entry.platform ? withoutChannel(release, channel) : release));
  const channels = [...new Set([...entry.custom.channels, channel])].sort();
  const former = (entry.custom.formerChannels ?? []).filter((name) => name !== channel);
  return [...others, withCustom(entry, channels, former)];
}

function withoutChannel(release: ListedRelease, channel: Channel): ListedRelease {
  if (!release.custom.channels.includes(channel)) return release;
  const channels = release.custom.channels.filter((name) => name !== channel);
  return withCustom(release, channels, [...new Set([...(release.custom.formerChannels ?? []), channel])].sort());
}

function withCustom(release: ListedRelease, channels: string[], formerChannels: string[]): ListedRelease {
  const { counter } = release.custom;
  return { ...release, custom: { counter, channels, ...(formerChannels.length > 0 ? { formerChannels } : {}) } };
}

/** Equal in everything a device installs; how its bytes are packed for transport may differ. */
function installsTheSame(a: ReleaseManifest, b: ReleaseManifest): boolean {
  return JSON.stringify(installed(a)) === JSON.stringify(installed(b));
}

function installed(manifest: ReleaseManifest) {
  const { product, platform, version, counter, floors, minUpdaterVersion, components } = manifest;
  const { distribution, onRollback, upstream = [], attachments = [] } = manifest;
  // A statement that is signed anew has other bytes and says the same.
  const documents = attachments.map(({ kind, sha256 }) => (kind === 'provenance' ? kind : sha256));
  return [
    [upstream, documents],
    [product, platform, version, counter, floors, minUpdaterVersion ?? null],
    [distribution?.name, distribution?.version, distribution?.component, distribution?.payload, onRollback],
    components.map(({ name, kind, installPath, mode, length, sha256 }) => [
      name,
      kind,
      installPath,
      mode,
      length,
      sha256,
    ]),
  ];
}

function requireGreater(manifest: ReleaseManifest, current: ListedRelease, channel: Channel): void {
  if (compareVersions(manifest.version, current.version) <= 0) {
    throw new SlipwayError(
      'version-not-greater',
      `${nameOf(manifest)}: expected a version after ${current.version}, which ${channel} has`,
      { hint: 'Raise the version in release.yaml; a channel never goes back.' },
    );
  }
  if (manifest.counter <= current.custom.counter) {
    throw new SlipwayError(
      'counter-not-greater',
      `${nameOf(manifest)}: expected a counter above ${current.custom.counter}, which ${channel} has, found ${manifest.counter}`,
      { hint: 'Raise the counter in release.yaml.' },
    );
  }
}

/**
 * In whatever channel: a server knows a version by its number alone, and a device that has committed a counter refuses
 * every other release with it.
 */
function requireOwnPlace(manifest: ReleaseManifest, line: readonly ListedRelease[]): void {
  const namesake = line.find(({ version }) => compareVersions(version, manifest.version) === 0);
  if (namesake) {
    throw new SlipwayError('version-exists', `${nameOf(manifest)} is published already as ${namesake.version}`, {
      hint: 'Write the version as it was published, or raise it.',
    });
  }
  const holder = line.find(({ custom }) => custom.counter === manifest.counter);
  if (holder) {
    throw new SlipwayError(
      'counter-not-greater',
      `${nameOf(manifest)}: expected a counter of its own, found ${manifest.counter}, which ${holder.version} has`,
      {
        hint: 'Raise the counter in release.yaml; no two releases of a product and platform share one, in any channel.',
      },
    );
  }
}

function nameOf(manifest: ReleaseManifest): string {
  return `${manifest.product} ${manifest.version} for ${manifest.platform}`;
}
