/**
 * Places the signed roles that name the releases of one product: its own role alone, or its own role that delegates to
 * hash bins. A bin whose releases stay as they are is not signed again, so that a publish costs one bin.
 */
import { Metadata, type MetaFile, Targets } from '@tufjs/models';
import { Delegations } from '@tufjs/models/dist/delegations.js';
import { TargetFile } from '@tufjs/models/dist/file.js';
import { DelegatedRole } from '@tufjs/models/dist/role.js';
import PQueue from 'p-queue';
import { isSameJson } from '../../contract/canonical-json.ts';
import { sha256 } from '../../contract/digest.ts';
import { binOf, binPrefixes, binRole, binsMarker } from '../../contract/trust/hash-bins.ts';
import type { Lifetimes } from '../../system/signing/lifetimes.ts';
import { placeDocument } from '../../system/signing/place-document.ts';
import { describeDocument } from '../../system/signing/signed-document.ts';
import type { SigningKey } from '../../system/signing/signing-key.ts';
import type { StoreWriter } from '../../system/store/writer.ts';
import { type ListedRelease, productTargets } from '../repository/product-role.ts';
import type { RepositoryState } from '../repository/state.ts';
import { binCountFor } from './deciding/bin-count.ts';

const concurrency = 8;

/** What becomes of a product. */
export interface ProductChange {
  readonly releases: readonly ListedRelease[];
  /** All of its roles are signed again, for a new lifetime or by new keys. */
  readonly renew?: boolean;
  /** As many hash bins at least. */
  readonly minBins?: number;
}

interface ProductPlacement extends ProductChange {
  readonly product: string;
  readonly state: Pick<RepositoryState, 'products' | 'bins'>;
  /** The document that names the keys of the product. */
  readonly delegator: Metadata<Targets>;
  readonly keys: readonly SigningKey[];
  readonly now: Date;
  readonly lifetimes: Lifetimes;
}

/** @returns what the snapshot says of each role that was placed. @throws SlipwayError `publish-contended`, store codes */
export async function placeProduct(store: StoreWriter, input: ProductPlacement): Promise<Record<string, MetaFile>> {
  const { product, state, releases, delegator, now, lifetimes, minBins = 0 } = input;
  const own = state.products.get(product);
  const bins = state.bins.get(product) ?? new Map<string, Targets>();
  const count = binCountFor(releases.length, Math.max(bins.size, minBins));
  const asOwn = { role: product, from: (own?.version ?? 0) + 1, delegator };
  if (count === 0) return place(store, input, asOwn, (version) => productTargets(releases, version, now, lifetimes));
  const ownAt = (version: number) => delegatingRole(input, count, version);
  const laidOut = ownAt(1);
  const isLaidOut = !input.renew && own !== undefined && isSameJson(content(own), content(laidOut));
  const named = isLaidOut ? {} : await place(store, input, asOwn, ownAt);
  const byBin = Array.from({ length: count }, (): ListedRelease[] => []);
  for (const release of releases) byBin[binOf(release.path, count)]?.push(release);
  const queue = new PQueue({ concurrency });
  const binDelegator = new Metadata(laidOut);
  const placed = byBin.map((listed, bin) => async () => {
    const role = binRole(product, bin);
    const known = bins.get(role);
    const make = (version: number) => productTargets(listed, version, now, lifetimes);
    if (isLaidOut && known && isSameJson(content(known), content(make(1)))) return {};
    const from = (known?.version ?? 0) + 1;
    return place(store, input, { role, from, delegator: binDelegator }, make);
  });
  return Object.assign(named, ...(await queue.addAll(placed)));
}

async function place(
  store: StoreWriter,
  { keys, now, lifetimes }: ProductPlacement,
  where: { readonly role: string; readonly from: number; readonly delegator: Metadata<Targets> },
  make: (version: number) => Targets,
): Promise<Record<string, MetaFile>> {
  const document = await placeDocument(store, { ...where, make, keys, now, lifetimes, lifetime: 'product' });
  return { [`${where.role}.json`]: describeDocument(document) };
}

/** The role of a product that has hash bins: all of them are signed by the keys of the product. */
function delegatingRole({ product, delegator, now, lifetimes }: ProductPlacement, count: number, version: number) {
  const { keys = {}, roles = {} } = delegator.signed.delegations ?? {};
  const { keyIDs = [], threshold = 1 } = roles[product] ?? {};
  const role = productTargets([], version, now, lifetimes);
  const delegations = new Delegations({
    keys: Object.fromEntries(Object.entries(keys).filter(([id]) => keyIDs.includes(id))),
    roles: Object.fromEntries(
      Array.from({ length: count }, (_, bin) => {
        const name = binRole(product, bin);
        const pathHashPrefixes = binPrefixes(bin, count);
        return [name, new DelegatedRole({ name, keyIDs, threshold, terminating: true, pathHashPrefixes })];
      }),
    ),
  });
  const path = binsMarker(product);
  const marker = new TargetFile({ path, length: 0, hashes: { sha256: sha256(new Uint8Array()) } });
  const { specVersion, expires } = role;
  return new Targets({ specVersion, version, expires, targets: { [path]: marker }, delegations });
}

function content(role: Targets): object {
  return { ...role.toJSON(), version: null, expires: null };
}
