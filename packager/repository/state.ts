/**
 * Loads the repository as a publisher finds it. Every signature is checked by the device's own rules, but not whether
 * anything has expired, because a publisher may be here to sign it anew.
 */
import { Metadata, MetadataKind, type MetaFile, type Root, type Targets } from '@tufjs/models';
import { type ErrorCode, SlipwayError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import { metadataKey, timestampKey } from '../../contract/store-keys.ts';
import { binsMarker } from '../../contract/trust/hash-bins.ts';
import type { ProductPart } from '../../contract/trust/product-part.ts';
import {
  type FetchMetadata,
  type MetadataSet,
  refreshTrust,
  type TrustedRepository,
} from '../../contract/trust/trusted-set.ts';
import { isExpired, type Lifetimes, lifetimesOf } from '../../system/signing/lifetimes.ts';
import type { RoleAuthority } from '../../system/signing/signed-document.ts';
import type { StoreReader, WholeObject } from '../../system/store/reader.ts';
import { type ListedRelease, listedRelease } from './product-role.ts';

/** As much of a store as reading metadata needs. */
export type MetadataReader = Pick<StoreReader, 'readWhole'>;

export interface RepositoryState {
  /** Accepted documents by role, bytes as stored. */
  readonly documents: MetadataSet;
  readonly root: Metadata<Root>;
  readonly targets: Metadata<Targets>;
  /** As root says. */
  readonly lifetimes: Lifetimes;
  /** The role of each product, verified against its delegation. */
  readonly products: ReadonlyMap<string, Targets>;
  /** By product: its hash bins by role, none where its own role names its releases. */
  readonly bins: ReadonlyMap<string, ReadonlyMap<string, Targets>>;
  /** By product, out of its role and its bins. */
  readonly releases: ReadonlyMap<string, readonly ListedRelease[]>;
  readonly snapshotVersion: number;
  readonly snapshotExpires: string;
  readonly snapshotMeta: Readonly<Record<string, MetaFile>>;
  readonly timestampVersion: number;
  readonly timestampExpires: string;
  /** Of the timestamp.json that this state was read from. */
  readonly timestampEtag: string;
}

/** Of a document that is not the one that was signed for. */
const damageCodes: ReadonlySet<ErrorCode> = new Set([
  'metadata-malformed',
  'metadata-too-large',
  'metadata-mismatched',
  'metadata-missing',
]);

/** Before any expiry, so that the refresh judges signatures, versions and digests only. */
const beforeAnyExpiry = new Date(0);

/**
 * @param pinnedRoot bytes of the root to start from; without it the store's own first root, which then proves only
 *   that the store agrees with itself
 * @throws SlipwayError `repository-missing`, or what refreshTrust throws
 */
export async function loadRepository(store: MetadataReader, pinnedRoot?: Uint8Array): Promise<RepositoryState> {
  const timestamp = await store.readWhole(timestampKey, limits.maxTimestampBytes);
  const root = pinnedRoot ?? (await firstRoot(store));
  if (!timestamp) throw missing();
  const known = new Map([['root', root]]);
  const fetch = fetchFrom(store, timestamp);
  const trusted = await refreshTrust({ known, fetch, now: beforeAnyExpiry }).catch(asDamage);
  const targets = Metadata.fromJSON(MetadataKind.Targets, json(trusted.documents, 'targets'));
  const snapshot = Metadata.fromJSON(MetadataKind.Snapshot, json(trusted.documents, 'snapshot'));
  const loaded = new Map<string, LoadedProduct>();
  for (const product of trusted.delegatedRoles) {
    loaded.set(product, await loadProduct(trusted, product).catch(asDamage));
  }
  return {
    documents: trusted.documents,
    root: Metadata.fromJSON(MetadataKind.Root, json(trusted.documents, 'root')),
    targets,
    lifetimes: lifetimesOf(trusted.root),
    products: mapped(loaded, ({ role }) => role),
    bins: mapped(loaded, ({ bins }) => bins),
    releases: mapped(loaded, ({ releases }) => releases),
    snapshotVersion: snapshot.signed.version,
    snapshotExpires: snapshot.signed.expires,
    snapshotMeta: snapshot.signed.meta,
    timestampVersion: trusted.timestampVersion,
    timestampExpires: Metadata.fromJSON(MetadataKind.Timestamp, json(trusted.documents, 'timestamp')).signed.expires,
    timestampEtag: timestamp.etag,
  };
}

interface LoadedProduct {
  readonly role: Targets;
  readonly bins: ReadonlyMap<string, Targets>;
  readonly releases: readonly ListedRelease[];
}

async function loadProduct(trusted: TrustedRepository, product: string): Promise<LoadedProduct> {
  const parts: ProductPart[] = [];
  for await (const part of trusted.partsOf(product)) parts.push(part);
  const [own, ...bins] = parts;
  if (!own) throw new SlipwayError('metadata-missing', `the repository has no role ${product}`);
  const foreign = parts.flatMap(({ strays }) => strays).find((path) => path !== binsMarker(product));
  if (foreign !== undefined) {
    throw new SlipwayError('metadata-malformed', `the role ${product} names ${foreign}, which is not its own`);
  }
  return {
    role: own.signed,
    bins: new Map(bins.map(({ role, signed }) => [role, signed])),
    releases: parts.flatMap(({ targets }) => targets.map(listedRelease)),
  };
}

/** Loads the role of a product and its bins, which makes all checks. */
export async function loadAllParts(trusted: TrustedRepository, product: string): Promise<void> {
  for await (const _ of trusted.partsOf(product));
}

function mapped<V, W>(from: ReadonlyMap<string, V>, of: (value: V) => W): Map<string, W> {
  return new Map([...from].map(([key, value]) => [key, of(value)]));
}

/** Nobody can sign again what nobody can read: other than a blob, metadata comes back only from a copy. */
function asDamage(error: unknown): never {
  if (!(error instanceof SlipwayError) || !damageCodes.has(error.code)) throw error;
  throw new SlipwayError(error.code, error.message, {
    hint: 'Restore it from a bundle: slipway-packager verify STORE --repair BUNDLE',
    cause: error,
  });
}

/** The store's own version 1 of root. @throws SlipwayError `repository-missing` */
export async function firstRoot(store: MetadataReader): Promise<Uint8Array> {
  const root = await store.readWhole(metadataKey('root', 1), limits.maxRootBytes);
  if (!root) throw missing();
  return root.bytes;
}

/** Metadata of a store; the timestamp, where given, is the one that was read with its etag. */
export function fetchFrom(store: MetadataReader, timestamp?: WholeObject): FetchMetadata {
  return async (name, maxBytes) => {
    if (name === 'timestamp.json' && timestamp) return timestamp.bytes;
    return (await store.readWhole(`metadata/${name}`, maxBytes))?.bytes;
  };
}

/**
 * What this program cannot sign anew must still hold.
 * @throws SlipwayError `metadata-expired`
 */
export function requireUnexpiredOfflineRoles(state: RepositoryState, now: Date): void {
  for (const { signed } of [state.root, state.targets]) {
    if (!isExpired(signed.expires, now)) continue;
    throw new SlipwayError('metadata-expired', `${signed.type}.json expired at ${signed.expires}`, {
      hint: 'Its keys have to sign it again before anything can be published: slipway-packager keys renew root targets. Check this clock, too.',
    });
  }
}

/** @throws SlipwayError `product-unknown` */
export function productAuthority(state: RepositoryState, product: string): RoleAuthority {
  const role = state.targets.signed.delegations?.roles?.[product];
  if (role && state.products.has(product)) return role;
  throw new SlipwayError('product-unknown', `the repository has no product ${product}`, {
    hint: `Its products are: ${[...state.products.keys()].join(', ')}`,
  });
}

export function rootAuthority(state: RepositoryState, role: 'snapshot' | 'timestamp' | 'targets'): RoleAuthority {
  return state.root.signed.roles[role] ?? { keyIDs: [], threshold: 1 };
}

function json(documents: MetadataSet, role: string) {
  return JSON.parse(new TextDecoder().decode(documents.get(role)));
}

function missing(): SlipwayError {
  return new SlipwayError('repository-missing', 'the store holds no repository', {
    hint: 'Make one with: slipway-packager init, or check the URL of the store.',
  });
}
