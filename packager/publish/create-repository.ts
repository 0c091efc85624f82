/** Makes the first state of a store: root, targets, an empty role for each product, snapshot and timestamp. */
import { Metadata, type Root } from '@tufjs/models';
import { SlipwayError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import { timestampKey } from '../../contract/store-keys.ts';
import { defaultLifetimes, type Lifetimes } from '../../system/signing/lifetimes.ts';
import { nextSnapshot, nextTimestamp } from '../../system/signing/online-roles.ts';
import { placeDocument, sameButExpiry } from '../../system/signing/place-document.ts';
import {
  describeDocument,
  documentKey,
  type SignedDocument,
  signDocument,
} from '../../system/signing/signed-document.ts';
import type { StoreWriter } from '../../system/store/writer.ts';
import {
  createRoot,
  createTargets,
  type DelegatedKeys,
  type RoleKeys,
  signersOf,
} from '../repository/offline-roles.ts';
import { refuseSharedPermitKeys, requirePermitKeyType } from '../repository/permit-keys.ts';
import { productTargets } from '../repository/product-role.ts';

export interface RepositoryKeys extends DelegatedKeys {
  readonly root: RoleKeys;
  readonly targets: RoleKeys;
  /** Signs snapshot and timestamp. */
  readonly online: RoleKeys;
}

/**
 * An initialisation that was killed is finished by the next one with the same keys.
 * @returns the root that devices pin, bytes as stored
 * @throws SlipwayError `repository-exists`, `threshold-not-met`, `usage` where a key of permits serves another role
 *   too, or what the store throws
 */
export async function createRepository(
  store: StoreWriter,
  keys: RepositoryKeys,
  now: Date,
  demo: boolean,
  lifetimes: Lifetimes = defaultLifetimes,
): Promise<SignedDocument<Root>> {
  if (await store.readWhole(timestampKey, limits.maxTimestampBytes)) throw exists('a repository');
  refuseSharedPermitKey(keys);
  const targetsDocument = createTargets(keys, keys.targets, now, 1, lifetimes);
  const productSigners = [...keys.products].map(([name, role]) => [name, signersOf(name, role)] as const);
  const online = signersOf('snapshot and timestamp', keys.online);
  const root = await placeRoot(store, createRoot(keys, now, demo, lifetimes));
  const delegator = new Metadata(root.signed);
  const targets = await placeDocument(store, {
    role: 'targets',
    lifetime: 'targets',
    from: 1,
    make: (version) => createTargets(keys, keys.targets, now, version, lifetimes).signed,
    keys: signersOf('targets', keys.targets),
    delegator,
    now,
    lifetimes,
  });
  const meta = { 'targets.json': describeDocument(targets) };
  for (const [role, signers] of productSigners) {
    const product = await placeDocument(store, {
      role,
      lifetime: 'product',
      from: 1,
      make: (version) => productTargets([], version, now, lifetimes),
      keys: signers,
      delegator: new Metadata(targetsDocument.signed),
      now,
      lifetimes,
    });
    Object.assign(meta, { [`${role}.json`]: describeDocument(product) });
  }
  const snapshot = await placeDocument(store, {
    role: 'snapshot',
    lifetime: 'snapshot',
    from: 1,
    make: (version) => nextSnapshot(meta, version, now, lifetimes),
    keys: online,
    delegator,
    now,
    lifetimes,
  });
  const timestamp = signDocument('timestamp', nextTimestamp(describeDocument(snapshot), 1, now, lifetimes), online);
  if ((await store.putNew(timestampKey, timestamp.bytes)) === 'exists') throw exists('a repository');
  return root;
}

function refuseSharedPermitKey({ root, targets, online, products, permits, offline }: RepositoryKeys): void {
  const idsOf = (roles: readonly (RoleKeys | undefined)[]) =>
    roles.flatMap((role) => role?.keys.map(({ keyId }) => keyId) ?? []);
  requirePermitKeyType(permits?.keys.map(({ key }) => key) ?? []);
  refuseSharedPermitKeys(idsOf([permits]), idsOf([root, targets, online, offline, ...products.values()]));
}

async function placeRoot(store: StoreWriter, root: SignedDocument<Root>): Promise<SignedDocument<Root>> {
  if ((await store.putNew(documentKey(root), root.bytes)) === 'created') return root;
  const there = await store.readWhole(documentKey(root), limits.maxRootBytes);
  const signed = there && sameButExpiry(there.bytes, root, new Metadata(root.signed));
  if (!there || !signed) throw exists('the root of another repository');
  return { role: 'root', signed, bytes: there.bytes };
}

function exists(what: string): SlipwayError {
  return new SlipwayError('repository-exists', `the store holds ${what} already`, {
    hint: 'Publish to it, or choose an empty prefix or folder for a new one.',
  });
}
