/**
 * Makes a new repository state visible: product roles, then the snapshot that ties them together, then the one object
 * that readers start from, by compare-and-swap. Until that last step nobody sees anything new.
 */
import type { Metadata, MetaFile, Root } from '@tufjs/models';
import { timestampKey } from '../../contract/store-keys.ts';
import { nextSnapshot, nextTimestamp, versionAfter } from '../../system/signing/online-roles.ts';
import { placeDocument } from '../../system/signing/place-document.ts';
import { authorisedKeys, describeDocument, signDocument } from '../../system/signing/signed-document.ts';
import type { SigningKey } from '../../system/signing/signing-key.ts';
import type { StoreWriter } from '../../system/store/writer.ts';
import { productAuthority, type RepositoryState, rootAuthority } from '../repository/state.ts';
import { type ProductChange, placeProduct } from './place-product.ts';

/** By product. */
export type ProductChanges = ReadonlyMap<string, ProductChange>;

interface CommitInput {
  /** What the changes were decided from; the swap fails when the store has moved on since. */
  readonly state: RepositoryState;
  readonly changes: ProductChanges;
  readonly keys: readonly SigningKey[];
  readonly now: Date;
  /** Runs last before the swap; what it throws leaves the old state visible. */
  readonly check: () => Promise<void>;
}

type CommitOutcome =
  | {
      readonly kind: 'committed';
      readonly snapshotVersion: number;
      readonly timestampVersion: number;
      readonly timestampExpires: string;
    }
  | { readonly kind: 'lost-race' };

/**
 * Fails before it writes anything when a key is missing.
 * @throws SlipwayError `key-not-authorised`, `threshold-not-met`, or what the store throws
 */
export async function commitChanges(store: StoreWriter, input: CommitInput): Promise<CommitOutcome> {
  const { state, changes, now } = input;
  const { lifetimes } = state;
  const keys = commitKeys(state, [...changes.keys()], input.keys);
  const meta: Record<string, MetaFile> = { ...state.snapshotMeta };
  for (const [product, change] of changes) {
    const signers = keys.products.get(product) ?? [];
    const placement = { ...change, product, state, delegator: state.targets, keys: signers, now, lifetimes };
    Object.assign(meta, await placeProduct(store, placement));
  }
  const snapshot = await placeDocument(store, {
    role: 'snapshot',
    lifetime: 'snapshot',
    from: versionAfter('snapshot', state.snapshotVersion),
    make: (version) => nextSnapshot(meta, version, now, lifetimes),
    keys: keys.snapshot,
    delegator: state.root as Metadata<Root>,
    now,
    lifetimes,
  });
  await input.check();
  const next = nextTimestamp(
    describeDocument(snapshot),
    versionAfter('timestamp', state.timestampVersion),
    now,
    lifetimes,
  );
  const timestamp = signDocument('timestamp', next, keys.timestamp);
  const swap = await store.compareAndSwap(timestampKey, state.timestampEtag, timestamp.bytes);
  if (swap === 'changed') return { kind: 'lost-race' };
  return {
    kind: 'committed',
    snapshotVersion: snapshot.signed.version,
    timestampVersion: timestamp.signed.version,
    timestampExpires: next.expires,
  };
}

/** The keys that a change of these products needs. @throws SlipwayError `key-not-authorised`, `threshold-not-met` */
export function commitKeys(state: RepositoryState, products: readonly string[], keys: readonly SigningKey[]) {
  return {
    products: new Map(
      products.map((product) => [product, authorisedKeys(product, productAuthority(state, product), keys)]),
    ),
    snapshot: authorisedKeys('snapshot', rootAuthority(state, 'snapshot'), keys),
    timestamp: authorisedKeys('timestamp', rootAuthority(state, 'timestamp'), keys),
  };
}
