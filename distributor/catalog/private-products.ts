/**
 * Says whose stored content is: everybody's, or that of private products. What a public product names is public, also
 * where a private one names it, too. What no release names is for devices and people of the fleet alone.
 */
import type { Digest } from '../../contract/digest.ts';
import { type Product, productSchema } from '../../contract/release/manifest.ts';
import { isBinRole } from '../../contract/trust/hash-bins.ts';
import { offlineRole } from '../../contract/trust/keys-only-roles.ts';
import type { Release } from './releases.ts';

export type Ownership =
  | { readonly kind: 'open' }
  | { readonly kind: 'private'; readonly products: readonly Product[] }
  /** By no release that this server knows. */
  | { readonly kind: 'unnamed' };

const open: Ownership = { kind: 'open' };
const unnamed: Ownership = { kind: 'unnamed' };

/** Stands for every product of the repository. */
export const everyProduct = '*';

export class PrivateProducts {
  readonly #names: ReadonlySet<string>;

  constructor(names: Iterable<string>) {
    this.#names = new Set(names);
  }

  get isAny(): boolean {
    return this.#names.size > 0;
  }

  has(product: Product): boolean {
    return this.#names.has(everyProduct) || this.#names.has(product);
  }

  /** Named here, and not in the repository: then nothing is private by it. */
  unknownOf(products: readonly Product[]): string[] {
    return [...this.#names].filter((name) => name !== everyProduct && !products.includes(name));
  }

  ownershipOfProduct(product: Product): Ownership {
    return this.has(product) ? { kind: 'private', products: [product] } : open;
  }

  /** Roles that every device reads name products, and are open. @param role of a metadata document */
  ownershipOfRole(role: string): Ownership {
    const product = isBinRole(role) ? role.replace(/-[0-9a-f]{2}-$/, '') : role;
    const isProduct = role !== offlineRole && productSchema.safeParse(product).success;
    return isProduct ? this.ownershipOfProduct(product) : open;
  }

  /** Of the blobs that releases name; see Release.blobs. */
  ownersOf(releases: Iterable<Release>): BlobOwners {
    const owners = new Map<Digest, Ownership>();
    if (!this.isAny) return new BlobOwners(undefined);
    for (const { product, blobs = [] } of releases) {
      const own = this.ownershipOfProduct(product);
      for (const digest of blobs) owners.set(digest, both(owners.get(digest), own));
    }
    return new BlobOwners(owners);
  }
}

function both(known: Ownership | undefined, own: Ownership): Ownership {
  if (known === undefined || own.kind === 'open') return own;
  if (known.kind !== 'private' || own.kind !== 'private') return known;
  const more = own.products.filter((product) => !known.products.includes(product));
  return more.length === 0 ? known : { kind: 'private', products: [...known.products, ...more] };
}

export class BlobOwners {
  readonly #owners: ReadonlyMap<Digest, Ownership> | undefined;

  /** @param owners undefined where everything is open */
  constructor(owners: ReadonlyMap<Digest, Ownership> | undefined) {
    this.#owners = owners;
  }

  ownershipOf(digest: Digest): Ownership {
    if (this.#owners === undefined) return open;
    return this.#owners.get(digest) ?? unnamed;
  }
}
