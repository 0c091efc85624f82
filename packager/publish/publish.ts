/**
 * Publishes a build to a channel: blobs, then the manifest, then metadata, and at last the timestamp by
 * compare-and-swap. Whatever dies on the way leaves the old state visible; running it again finishes the work.
 */
import { Readable } from 'node:stream';
import { type Progress, silentProgress } from '../../contract/progress.ts';
import {
  type Channel,
  type Component,
  type Delta,
  encodeManifest,
  namedBlobsOf,
  type ReleaseManifest,
  targetPath,
  wholeBlobsOf,
} from '../../contract/release/manifest.ts';
import { blobKey, manifestKey } from '../../contract/store-keys.ts';
import type { DeltaEncoder } from '../../delta/make/ports.ts';
import type { SigningKey } from '../../system/signing/signing-key.ts';
import type { StoreWriter } from '../../system/store/writer.ts';
import { type BuiltRelease, openBlob } from '../release/build-folder.ts';
import type { ListedRelease } from '../repository/product-role.ts';
import { readManifest } from '../repository/release-manifests.ts';
import {
  loadRepository,
  productAuthority,
  type RepositoryState,
  requireUnexpiredOfflineRoles,
} from '../repository/state.ts';
import { withDeltasThatFit } from './choose-deltas.ts';
import { commitChanges, commitKeys } from './commit.ts';
import { binCountFor } from './deciding/bin-count.ts';
import { basesOf, planPublish, withChannelAt } from './deciding/plan.ts';
import { type DeltaMemory, deltaMemory, type EncoderOptions, type MadeDelta, uploadOf } from './delta-memory.ts';
import { type DeltaJob, type DeltaMakers, makeDeltas } from './deltas.ts';
import { firstToSwap } from './first-to-swap.ts';
import { readOrRestore, restoreDeltas } from './restore.ts';
import { requireStored, type Upload, type UploadResult, uploadAll } from './upload.ts';

const concurrency = 4;

export interface PublishInput {
  readonly store: StoreWriter;
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
  /** False: what the store holds with the right length is believed; true by default. */
  readonly verifyExisting?: boolean;
  /** True: deltas that were made before are made again. */
  readonly remakeDeltas?: boolean;
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

interface PublishResult extends UploadResult {
  readonly outcome: 'published' | 'channel-moved' | 'unchanged';
  readonly targetPath: string;
  readonly version: string;
  readonly channel: Channel;
  readonly manifestSha256: string;
  /** Deltas of the release, by component. */
  readonly deltas: readonly ({ readonly component: string } & Delta)[];
  /** Keys of deltas that the store has lost and that come out otherwise now. */
  readonly damagedObjects: readonly string[];
  /** Races lost to other publishers before this one was through. */
  readonly lostRaces: number;
}

/**
 * @throws SlipwayError `publish-contended` after many lost races, and whatever loading, planning, signing and the
 *   store throw; nothing is visible then
 */
export async function publishRelease(input: PublishInput): Promise<PublishResult> {
  const publisher = new Publisher(input);
  return firstToSwap(
    async (lostRaces) => {
      const result = await publisher.attempt();
      if (result) return { ...result, lostRaces };
      input.say('another publisher was faster; merging with its release');
      return undefined;
    },
    { backOff: input.backOff },
  );
}

class Publisher {
  readonly #input: PublishInput;
  readonly #deltas = new Map<string, readonly MadeDelta[]>();
  /** Objects that are known to be in the store with the right bytes. */
  readonly #settled = new Set<string>();
  #sent: UploadResult = { sentObjects: 0, sentBytes: 0, skippedObjects: 0, healed: [] };

  constructor(input: PublishInput) {
    this.#input = input;
  }

  /** Undefined when another publisher moved the timestamp first. */
  async attempt(): Promise<Omit<PublishResult, 'lostRaces'> | undefined> {
    const { store, build, channel, keys, deltasFrom, pinnedRoot, signingTime, say } = this.#input;
    const { manifest } = build;
    say('reading the repository');
    const state = await loadRepository(store, pinnedRoot);
    requireUnexpiredOfflineRoles(state, signingTime);
    productAuthority(state, manifest.product);
    const productKeys = commitKeys(state, [manifest.product], keys).products.get(manifest.product) ?? [];
    const releases = state.releases.get(manifest.product) ?? [];
    const request = { manifest, channel, deltasFrom };
    const same = releases.find((release) => release.path === targetPath(manifest));
    const again = async () => this.#withDeltas(basesOf(request, releases), productKeys);
    const listed = same && (await readOrRestore(store, same, [async () => manifest, again]));
    const plan = planPublish(request, releases, listed);
    const final = listed ?? (await this.#withDeltas(plan.kind === 'add' ? plan.bases : [], productKeys));
    await this.#upload(final);
    const damagedObjects = listed ? await this.#restoreDeltas(listed, releases) : [];
    const { bytes, sha256 } = encodeManifest(final);
    const entry = same ?? entryOf(final, sha256, bytes.length);
    const result = (outcome: PublishResult['outcome']) => ({
      outcome,
      targetPath: entry.path,
      version: entry.version,
      channel,
      manifestSha256: entry.manifestSha256,
      deltas: final.components.flatMap(({ name, deltas }) => deltas.map((delta) => ({ component: name, ...delta }))),
      damagedObjects,
      ...this.#sent,
    });
    if (plan.kind === 'nothing') return result('unchanged');
    const next = withChannelAt(releases, entry, channel);
    this.#sayBins(state, manifest.product, next.length);
    say('signing, and making the new state visible');
    const commit = await commitChanges(store, {
      state,
      changes: new Map([[manifest.product, { releases: next }]]),
      keys,
      now: signingTime,
      check: () => requireStored(store, objectsOf(final, entry), concurrency),
    });
    if (commit.kind === 'lost-race') return undefined;
    return result(plan.kind === 'add' ? 'published' : 'channel-moved');
  }

  async #withDeltas(listed: readonly ListedRelease[], keys: readonly SigningKey[]): Promise<ReleaseManifest> {
    const { store, build, encoder, slipway, say, remakeDeltas } = this.#input;
    if (listed.length === 0 || (!encoder && !slipway)) return build.manifest;
    const bases: ReleaseManifest[] = [];
    for (const base of listed) bases.push((await readManifest(store, base)).manifest);
    const upload = (uploads: readonly Upload[]) => this.#send(uploads);
    const memory = deltaMemory({ store, keys, scratch: this.#input.scratch, upload, say }, this.#encoderOptions());
    const job = this.#deltaJob(remakeDeltas === true ? { ...memory, recall: async () => undefined } : memory);
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

  #deltaJob(memory: DeltaMemory | undefined): DeltaJob {
    const { store, build, encoder, slipway, scratch, say, deltaProgress: progress = silentProgress } = this.#input;
    return { store, makers: { vcdiff: encoder, slipway }, folder: build.folder, scratch, memory, progress, say };
  }

  #encoderOptions(): EncoderOptions {
    const { encoder, slipway } = this.#input;
    return {
      methods: [...(slipway ? ['slipway' as const] : []), ...(encoder ? [encoder.format] : [])],
      zstd: slipway?.zstd.versions.toSorted() ?? [],
      memoryGiB: Math.round((slipway?.encoders.maxMemoryBytes ?? 0) / 2 ** 30),
    };
  }

  /** Blobs first, the manifest only when all of them are there. */
  async #upload(final: ReleaseManifest): Promise<void> {
    const { build } = this.#input;
    const own = new Set(wholeBlobsOf(build.manifest).map((blob) => blob.sha256));
    const full = wholeBlobsOf(final)
      .filter((blob) => own.has(blob.sha256))
      .map(({ sha256, length }): Upload => {
        const open = () => openBlob(build.folder, sha256);
        return { key: blobKey(sha256), sha256, length, open };
      });
    const named = new Set(final.components.flatMap(({ deltas }) => deltas.map((delta) => delta.sha256)));
    const deltas = [...this.#deltas.values()].flat().filter(({ delta }) => named.has(delta.sha256));
    const { bytes, sha256 } = encodeManifest(final);
    const open = () => Readable.from([bytes], { objectMode: false });
    await this.#send([...full, ...deltas.map(uploadOf)], 'blobs');
    await this.#send([{ key: manifestKey(sha256), sha256, length: bytes.length, open }], 'the manifest');
  }

  /** @param what for people; without it they are not told */
  async #send(uploads: readonly Upload[], what?: string): Promise<void> {
    const { store, progress, say, verifyExisting = true } = this.#input;
    const left = uploads.filter(({ key }) => !this.#settled.has(key));
    if (what !== undefined && left.length > 0) {
      say(`uploading ${what}: ${left.length} objects, ${left.reduce((sum, { length }) => sum + length, 0)} bytes`);
    }
    const result = await uploadAll(store, left, { concurrency, verifyExisting, progress });
    for (const { key } of left) this.#settled.add(key);
    for (const key of result.healed) say(`${key}: the store held other bytes, which are replaced`);
    const { sentObjects, sentBytes, skippedObjects, healed } = this.#sent;
    this.#sent = {
      sentObjects: sentObjects + result.sentObjects,
      sentBytes: sentBytes + result.sentBytes,
      skippedObjects: skippedObjects + result.skippedObjects,
      healed: [...healed, ...result.healed],
    };
  }

  async #restoreDeltas(listed: ReleaseManifest, releases: readonly ListedRelease[]): Promise<string[]> {
    const { store, encoder, slipway, say, verifyExisting = true } = this.#input;
    if (!verifyExisting) return [];
    const job = this.#deltaJob(undefined);
    const lost = await restoreDeltas(
      listed,
      releases.filter(({ platform }) => platform === listed.platform),
      {
        store,
        isSettled: (key) => this.#settled.has(key),
        make: async (component, bases) => (encoder || slipway ? makeDeltas(job, component, bases) : []),
        send: (uploads) => this.#send(uploads, 'deltas that the store had lost'),
      },
    );
    for (const key of lost) {
      say(`warning: ${key}: a delta that the store has lost comes out otherwise now; devices take the full download`);
    }
    return lost;
  }

  #sayBins({ bins }: RepositoryState, product: string, count: number): void {
    const before = bins.get(product)?.size ?? 0;
    const after = binCountFor(count, before);
    if (after === before) return;
    this.#input.say(
      `${product} has ${count} releases, which are in ${after} hash bins from now on; distributors before 0.2.0 do not find them there`,
    );
  }
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

/** Every object that the release names. */
function objectsOf(manifest: ReleaseManifest, entry: ListedRelease): { key: string; length: number }[] {
  return [
    { key: manifestKey(entry.manifestSha256), length: entry.manifestLength },
    ...namedBlobsOf(manifest).map((blob) => ({ key: blobKey(blob.sha256), length: blob.length })),
  ];
}
