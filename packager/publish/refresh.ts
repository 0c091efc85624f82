/**
 * Signs again what expires while nothing changes: snapshot and timestamp always, product roles at half of their time.
 */
import { SlipwayError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import { isExpired, isHalfSpent } from '../../system/signing/lifetimes.ts';
import type { SigningKey } from '../../system/signing/signing-key.ts';
import type { StoreWriter } from '../../system/store/writer.ts';
import {
  loadRepository,
  productAuthority,
  type RepositoryState,
  requireUnexpiredOfflineRoles,
} from '../repository/state.ts';
import { commitChanges, type ProductChanges } from './commit.ts';
import { firstToSwap } from './first-to-swap.ts';
import type { ProductChange } from './place-product.ts';

interface RefreshRequest {
  readonly store: StoreWriter;
  readonly keys: readonly SigningKey[];
  readonly pinnedRoot: Uint8Array | undefined;
  /** Products that are to have hash bins, however few releases they have. */
  readonly hashBins?: readonly string[];
  /** The time that signatures are made at. */
  readonly signingTime: Date;
  /** One line for people. */
  readonly say: (line: string) => void;
  readonly backOff: (attempt: number) => Promise<void>;
}

interface RefreshResult {
  /** Products whose role was signed again. */
  readonly products: readonly string[];
  readonly snapshotVersion: number;
  readonly timestampVersion: number;
  readonly timestampExpires: string;
}

/** @throws SlipwayError `metadata-expired` for what the given keys cannot renew, `key-not-authorised`, `publish-contended` */
export async function refreshRepository(input: RefreshRequest): Promise<RefreshResult> {
  const { store, keys, pinnedRoot, signingTime: now, say } = input;
  return firstToSwap(
    async () => {
      const state = await loadRepository(store, pinnedRoot);
      requireUnexpiredOfflineRoles(state, now);
      const changes = new Map([...dueProducts(state, keys, now, say), ...intoBins(state, input.hashBins ?? [])]);
      const commit = await commitChanges(store, { state, changes, keys, now, check: async () => undefined });
      if (commit.kind === 'lost-race') return undefined;
      const { snapshotVersion, timestampVersion, timestampExpires } = commit;
      return { products: [...changes.keys()], snapshotVersion, timestampVersion, timestampExpires };
    },
    { backOff: input.backOff },
  );
}

function dueProducts(
  state: RepositoryState,
  keys: readonly SigningKey[],
  now: Date,
  say: (line: string) => void,
): ProductChanges {
  const due = new Map<string, ProductChange>();
  for (const [product, role] of state.products) {
    if (!isHalfSpent('product', role.expires, now, state.lifetimes)) continue;
    const { keyIDs, threshold } = productAuthority(state, product);
    if (keys.filter((key) => keyIDs.includes(key.keyId)).length >= threshold) {
      due.set(product, { releases: state.releases.get(product) ?? [], renew: true });
      continue;
    }
    if (isExpired(role.expires, now)) {
      throw new SlipwayError('metadata-expired', `${product}.json expired at ${role.expires}`, {
        hint: `Give the key of ${product} too, so that it can be signed again.`,
      });
    }
    say(`warning: ${product}.json expires at ${role.expires} and its key was not given`);
  }
  return due;
}

/** @throws SlipwayError `product-unknown` */
function intoBins(state: RepositoryState, products: readonly string[]): ProductChanges {
  return new Map(
    products.map((product) => {
      productAuthority(state, product);
      return [product, { releases: state.releases.get(product) ?? [], renew: true, minBins: limits.minHashBins }];
    }),
  );
}
