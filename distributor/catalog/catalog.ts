/**
 * Keeps the index of releases in step with the store. It verifies the store's metadata from the store's own first root:
 * that guards against torn or mixed documents, not against an owner of the store. The distributor is no trust anchor;
 * each device verifies from the root that it was given.
 */
import { sha256 } from '../../contract/digest.ts';
import { SlipwayError, toSlipwayError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import { decodeManifest, namedBlobsOf, type ReleaseManifest, targetPath } from '../../contract/release/manifest.ts';
import { originOf } from '../../contract/release/origin.ts';
import { targetCustomSchema } from '../../contract/release/target-custom.ts';
import { manifestKey, metadataKey, timestampKey } from '../../contract/store-keys.ts';
import { binsMarker } from '../../contract/trust/hash-bins.ts';
import type { KeyAuthority } from '../../contract/trust/key-authority.ts';
import { type MetadataSet, refreshTrust, type TrustedRepository } from '../../contract/trust/trusted-set.ts';
import { type EndingRole, endingRoles, type RoleEnds, roleEndsOf } from '../../system/signing/ending-roles.ts';
import type { StoreReader } from '../../system/store/reader.ts';
import { type Expiries, expiriesOf } from './expiries.ts';
import { BlobOwners, PrivateProducts } from './private-products.ts';
import { type Release, ReleaseIndex } from './releases.ts';

interface CatalogState {
  readonly releases: ReleaseIndex;
  /** Those that the repository delegates to a role; undefined before it was read. */
  readonly products: readonly string[] | undefined;
  /** When the store was last read with success; undefined before the first time. */
  readonly refreshedAt: Date | undefined;
  /** Why the last attempt failed; undefined after a success. The releases are then those of the success before. */
  readonly problem: SlipwayError | undefined;
  /** Releases left out because their own manifest does not hold, one line each. */
  readonly skipped: readonly string[];
  /** Of the metadata of the last success. */
  readonly expiries: Expiries;
  /** Who may sign permits; undefined where the repository delegates them to nobody. */
  readonly permits: KeyAuthority | undefined;
  /** Whose the blobs of these releases are. */
  readonly owners: BlobOwners;
}

export class Catalog {
  readonly #store: StoreReader;
  readonly privates: PrivateProducts;
  #known: MetadataSet | undefined;
  /** Of the known set; read when it is asked for first, since readiness asks every few seconds. */
  #ends: RoleEnds | undefined;
  #timestampEtag: string | undefined;
  #expires = '';
  #refreshing: Promise<boolean> | undefined;
  #byTarget = new Map<string, Release>();
  #state: CatalogState = {
    releases: new ReleaseIndex([]),
    products: undefined,
    refreshedAt: undefined,
    problem: undefined,
    skipped: [],
    expiries: new Map(),
    permits: undefined,
    owners: new BlobOwners(undefined),
  };

  /** @param privates products whose content is not for everybody */
  constructor(store: StoreReader, privates = new PrivateProducts([])) {
    this.#store = store;
    this.privates = privates;
  }

  get state(): CatalogState {
    return this.#state;
  }

  /** Roles of the last success whose time is ending or over, the first to end first. */
  endingRoles(now: Date): EndingRole[] {
    if (!this.#known) return [];
    this.#ends ??= roleEndsOf(this.#known);
    return endingRoles(this.#ends, now);
  }

  /**
   * Reads the store again, unless its timestamp is the one already known. Never throws: a failure becomes
   * `state.problem`. Calls that overlap share one refresh.
   * @returns true when the releases may have changed
   */
  refresh(now: Date): Promise<boolean> {
    this.#refreshing ??= this.#refresh(now).finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  async #refresh(now: Date): Promise<boolean> {
    try {
      const timestamp = await this.#store.readWhole(timestampKey, limits.maxTimestampBytes);
      const isUnchanged = timestamp?.etag !== undefined && timestamp.etag === this.#timestampEtag;
      if (isUnchanged && this.#expires > now.toISOString() && this.#state.skipped.length === 0) {
        this.#state = { ...this.#state, refreshedAt: now, problem: undefined };
        return false;
      }
      const repository = await refreshTrust({
        known: this.#known ?? (await this.#firstRoot()),
        fetch: async (name, maxBytes) => (await this.#store.readWhole(`metadata/${name}`, maxBytes))?.bytes,
        now,
      });
      const skipped: string[] = [];
      const releases = await this.#readReleases(repository, skipped);
      this.#known = repository.documents;
      this.#ends = undefined;
      this.#timestampEtag = timestamp?.etag;
      this.#expires = repository.expires;
      const { permits } = repository;
      const index = new ReleaseIndex(releases);
      const expiries = expiriesOf(repository.documents);
      const products = repository.delegatedRoles;
      const owners = this.privates.ownersOf(releases);
      const read = { releases: index, products, skipped, expiries, permits, owners };
      this.#state = { ...read, refreshedAt: now, problem: undefined };
      return true;
    } catch (error) {
      this.#state = { ...this.#state, problem: toSlipwayError(error) };
      return false;
    }
  }

  async #firstRoot(): Promise<MetadataSet> {
    const key = metadataKey('root', 1);
    const root = await this.#store.readWhole(key, limits.maxRootBytes);
    if (root) return new Map([['root', root.bytes]]);
    throw new SlipwayError('repository-missing', `${this.#store.location} has no ${key}`, {
      hint: 'Make a repository there with slipway-packager init, or correct --store.',
    });
  }

  async #readReleases(repository: TrustedRepository, skipped: string[]): Promise<Release[]> {
    const byTarget = new Map<string, Release>();
    for (const role of repository.delegatedRoles) {
      for await (const { targets, strays } of repository.partsOf(role)) {
        const foreign = strays.filter((path) => path !== binsMarker(role));
        skipped.push(...foreign.map((path) => `${path}: the role ${role} may not name it`));
        for (const { path, hashes, custom } of targets) {
          const release = await this.#readRelease(path, hashes.sha256, custom, skipped);
          if (release) byTarget.set(path, release);
        }
        // Requests are answered between two hash bins.
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    this.#byTarget = byTarget;
    return [...byTarget.values()];
  }

  /** One release; a store that is away ends the whole refresh, a bad manifest only its own release. */
  async #readRelease(
    path: string,
    digest: string | undefined,
    custom: unknown,
    skipped: string[],
  ): Promise<Release | undefined> {
    const signed = targetCustomSchema.safeParse(custom);
    if (!signed.success || digest === undefined) {
      skipped.push(`${path}: the targets role says neither counter nor digest`);
      return undefined;
    }
    const known = this.#byTarget.get(path);
    if (known?.manifestSha256 === digest) return { ...known, channels: signed.data.channels };
    const stored = await this.#store.readWhole(manifestKey(digest), limits.maxManifestBytes);
    if (!stored || sha256(stored.bytes) !== digest) {
      skipped.push(`${path}: ${stored ? 'its manifest has another digest' : 'the store lacks its manifest'}`);
      return undefined;
    }
    try {
      const manifest = decodeManifest(stored.bytes);
      if (targetPath(manifest) !== path || manifest.counter !== signed.data.counter) {
        skipped.push(`${path}: its manifest says ${targetPath(manifest)} and counter ${manifest.counter}`);
        return undefined;
      }
      return {
        product: manifest.product,
        platform: manifest.platform,
        version: manifest.version,
        counter: manifest.counter,
        channels: signed.data.channels,
        floors: manifest.floors,
        minUpdaterVersion: manifest.minUpdaterVersion,
        ...(manifest.distribution ? { distribution: { version: manifest.distribution.version } } : {}),
        origin: originOf(manifest),
        manifestSha256: digest,
        maxTransferBytes: maxTransferBytesOf(manifest),
        targetPath: path,
        ...(this.privates.isAny ? { blobs: namedBlobsOf(manifest).map((blob) => blob.sha256) } : {}),
      };
    } catch (error) {
      skipped.push(`${path}: ${toSlipwayError(error).message}`);
      return undefined;
    }
  }
}

function maxTransferBytesOf({ components }: ReleaseManifest): number {
  const longest = (blobs: readonly { readonly length: number }[]) =>
    blobs.reduce((most, { length }) => Math.max(most, length), 0);
  return components.reduce((sum, { blobs, deltas }) => sum + longest(blobs) + longest(deltas), 0);
}
