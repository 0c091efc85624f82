/**
 * Publishes a build to a channel: blobs, then the manifest, then metadata, and at last the timestamp by
 * compare-and-swap. Whatever dies on the way leaves the old state visible; running it again finishes the work.
 */
import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { SlipwayError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import {
  type Channel,
  type Component,
  type Delta,
  encodeManifest,
  type ReleaseManifest,
  targetPath,
} from '../../contract/release/manifest.ts';
import { blobKey, manifestKey } from '../../contract/store-keys.ts';
import type { DeltaEncoder } from '../delta/ports.ts';
import { type Progress, silentProgress } from '../progress.ts';
import { type BuiltRelease, openBlob } from '../release/build-folder.ts';
import { type ListedRelease, listReleases, productTargets } from '../repository/product-role.ts';
import { readManifest } from '../repository/release-manifests.ts';
import type { SigningKey } from '../repository/signing-key.ts';
import {
  loadRepository,
  productAuthority,
  type RepositoryState,
  requireUnexpiredOfflineRoles,
} from '../repository/state.ts';
import { withDeltasThatFit } from './choose-deltas.ts';
import { commitChanges, commitKeys } from './commit.ts';
import { type DeltaMakers, type MadeDelta, makeDeltas } from './deltas.ts';
import { type PublishPlan, planPublish, withChannelAt } from './plan.ts';
import type { Store } from './ports.ts';
import { requireStored, type Upload, type UploadResult, uploadAll } from './upload.ts';

const concurrency = 4;
const maxAttempts = 12;

export interface PublishInput {
  readonly store: Store;
  readonly build: BuiltRelease;
  readonly channel: Channel;
  readonly keys: readonly SigningKey[];
  readonly deltasFrom: number;
  /** VCDIFF; undefined where this machine has none. */
  readonly encoder: DeltaEncoder | undefined;
  /** Slipway deltas; without either the release ships without deltas. */
  readonly slipway?: DeltaMakers['slipway'];
  /** A folder for old components and deltas, as large as these. */
  readonly scratch: string;
  readonly pinnedRoot: Uint8Array | undefined;
  /** The time that signatures are made at. */
  readonly signingTime: Date;
  /** Of the upload. */
  readonly progress: Progress;
  /** Of the making of deltas. */
  readonly deltaProgress?: Progress;
  /** One line for people. */
  readonly say: (line: string) => void;
  /** Waits before attempt 2, 3 … after a lost race. */
  readonly backOff: (attempt: number) => Promise<void>;
}

export interface PublishResult extends UploadResult {
  readonly outcome: 'published' | 'channel-moved' | 'unchanged';
  readonly targetPath: string;
  readonly version: string;
  readonly channel: Channel;
  readonly manifestSha256: string;
  /** Deltas of the release, by component. */
  readonly deltas: readonly ({ readonly component: string } & Delta)[];
  /** Races lost to other publishers before this one was through. */
  readonly lostRaces: number;
}

/**
 * @throws SlipwayError `publish-contended` after many lost races, and whatever loading, planning, signing and the
 *   store throw; nothing is visible then
 */
export async function publishRelease(input: PublishInput): Promise<PublishResult> {
  const publisher = new Publisher(input);
  for (let attempt = 1; attempt <= maxAttempts; attempt++) {
    if (attempt > 1) await input.backOff(attempt);
    const result = await publisher.attempt();
    if (result) return { ...result, lostRaces: attempt - 1 };
    input.say('another publisher was faster; merging with its release');
  }
  throw new SlipwayError('publish-contended', `lost the race for the timestamp ${maxAttempts} times`, {
    hint: 'Run the same command again when other publishers have finished.',
  });
}

class Publisher {
  readonly #input: PublishInput;
  readonly #deltas = new Map<string, MadeDelta[]>();
  #sent: UploadResult = { sentObjects: 0, sentBytes: 0, skippedObjects: 0 };

  constructor(input: PublishInput) {
    this.#input = input;
  }

  /** Undefined when another publisher moved the timestamp first. */
  async attempt(): Promise<Omit<PublishResult, 'lostRaces'> | undefined> {
    const { store, build, channel, keys, deltasFrom, pinnedRoot, signingTime } = this.#input;
    const { manifest } = build;
    const state = await loadRepository(store, pinnedRoot);
    requireUnexpiredOfflineRoles(state, signingTime);
    productAuthority(state, manifest.product);
    commitKeys(state, [manifest.product], keys);
    const releases = releasesOf(state, manifest.product);
    const same = releases.find((release) => release.path === targetPath(manifest));
    const listed = same && (await readManifest(store, same)).manifest;
    const plan = planPublish({ manifest, channel, deltasFrom }, releases, listed);
    const final = listed ?? (await this.#withDeltas(plan));
    await this.#upload(final);
    const { bytes, sha256 } = encodeManifest(final);
    const entry = same ?? entryOf(final, sha256, bytes.length);
    const result = (outcome: PublishResult['outcome']) => ({
      outcome,
      targetPath: entry.path,
      version: entry.version,
      channel,
      manifestSha256: entry.manifestSha256,
      deltas: final.components.flatMap(({ name, deltas }) => deltas.map((delta) => ({ component: name, ...delta }))),
      ...this.#sent,
    });
    if (plan.kind === 'nothing') return result('unchanged');
    const next = withChannelAt(releases, entry, channel);
    this.#warnOfSize(manifest.product, next.length);
    const commit = await commitChanges(store, {
      state,
      changes: new Map([[manifest.product, (version) => productTargets(next, version, signingTime)]]),
      keys,
      now: signingTime,
      check: () => requireStored(store, objectsOf(final, entry), concurrency),
    });
    if (commit.kind === 'lost-race') return undefined;
    return result(plan.kind === 'add' ? 'published' : 'channel-moved');
  }

  async #withDeltas(plan: PublishPlan): Promise<ReleaseManifest> {
    const { store, build, encoder, slipway, scratch, say, deltaProgress: progress = silentProgress } = this.#input;
    if (plan.kind !== 'add' || plan.bases.length === 0 || (!encoder && !slipway)) return build.manifest;
    const job = { store, makers: { vcdiff: encoder, slipway }, folder: build.folder, scratch, progress, say };
    const bases: ReleaseManifest[] = [];
    for (const base of plan.bases) bases.push((await readManifest(store, base)).manifest);
    const components: Component[] = [];
    for (const component of build.manifest.components) {
      const olds = bases.map(({ components: old }) => old.find(({ name }) => name === component.name)?.sha256);
      const memo = [component.sha256, ...olds].join();
      const made = this.#deltas.get(memo) ?? (await makeDeltas(job, component, bases));
      this.#deltas.set(memo, made);
      components.push({ ...component, deltas: made.map(({ delta }) => delta) });
    }
    const { manifest, deltasEach } = withDeltasThatFit({ ...build.manifest, components });
    if (components.some(({ deltas }) => deltas.length > deltasEach)) {
      say(`release.json has room for ${deltasEach} deltas of each component; larger ones are left out`);
    }
    return manifest;
  }

  /** Blobs first, the manifest only when all of them are there. */
  async #upload(final: ReleaseManifest): Promise<void> {
    const { store, build, progress } = this.#input;
    const own = new Set(build.manifest.components.flatMap(({ blobs }) => blobs.map((blob) => blob.sha256)));
    const full = final.components
      .flatMap(({ blobs }) => blobs)
      .filter((blob) => own.has(blob.sha256))
      .map((blob): Upload => {
        const open = () => openBlob(build.folder, blob.sha256);
        return { key: blobKey(blob.sha256), sha256: blob.sha256, length: blob.length, open };
      });
    const named = new Set(final.components.flatMap(({ deltas }) => deltas.map((delta) => delta.sha256)));
    const deltas = [...this.#deltas.values()]
      .flat()
      .filter(({ delta }) => named.has(delta.sha256))
      .map(({ delta, file }): Upload => {
        const open = () => createReadStream(file);
        return { key: blobKey(delta.sha256), sha256: delta.sha256, length: delta.length, open };
      });
    const { bytes, sha256 } = encodeManifest(final);
    const open = () => Readable.from([bytes], { objectMode: false });
    this.#add(await uploadAll(store, [...full, ...deltas], concurrency, progress));
    const manifest: Upload = { key: manifestKey(sha256), sha256, length: bytes.length, open };
    this.#add(await uploadAll(store, [manifest], 1, progress));
  }

  /** Objects that a lost race made skip are counted as sent, once. */
  #add(result: UploadResult): void {
    this.#sent = {
      sentObjects: this.#sent.sentObjects + result.sentObjects,
      sentBytes: this.#sent.sentBytes + result.sentBytes,
      skippedObjects: this.#sent.skippedObjects + result.skippedObjects,
    };
  }

  #warnOfSize(product: string, count: number): void {
    if (count <= limits.maxTargetsPerRole) return;
    this.#input.say(
      `warning: the role ${product} lists ${count} releases; devices parse more than ${limits.maxTargetsPerRole} slowly`,
    );
  }
}

function releasesOf(state: RepositoryState, product: string): ListedRelease[] {
  const role = state.products.get(product);
  return role ? listReleases(role) : [];
}

function entryOf(manifest: ReleaseManifest, sha256: string, length: number): ListedRelease {
  const { product, platform, version, counter } = manifest;
  const custom = { counter, channels: [] };
  return {
    path: targetPath(manifest),
    product,
    platform,
    version,
    custom,
    manifestSha256: sha256,
    manifestLength: length,
  };
}

/** Every object that a device may ask for when it installs this release. */
export function objectsOf(manifest: ReleaseManifest, entry: ListedRelease): { key: string; length: number }[] {
  const blobs = manifest.components.flatMap((component) => [...component.blobs, ...component.deltas]);
  return [
    { key: manifestKey(entry.manifestSha256), length: entry.manifestLength },
    ...blobs.map((blob) => ({ key: blobKey(blob.sha256), length: blob.length })),
  ];
}
