/** Makes the two roles whose keys stay offline: root, which names all keys, and targets, which only delegates. */
import { Root, Targets } from '@tufjs/models';
import { Delegations } from '@tufjs/models/dist/delegations.js';
import { DelegatedRole, Role } from '@tufjs/models/dist/role.js';
import { SlipwayError } from '../../contract/errors.ts';
import { type Product, targetPattern } from '../../contract/release/manifest.ts';
import { offlinePattern, offlineRole, permitsPattern, permitsRole } from '../../contract/trust/keys-only-roles.ts';
import { defaultLifetimes, expiryAt, type Lifetimes, withLifetimes } from '../../system/signing/lifetimes.ts';
import { type SignedDocument, signDocument, specVersion } from '../../system/signing/signed-document.ts';
import { isSigningKey, type PublicKey, type SigningKey } from '../../system/signing/signing-key.ts';

/** Keys of one role; some may be public only, as long as `threshold` of them can sign. */
export interface RoleKeys {
  readonly keys: readonly (PublicKey | SigningKey)[];
  readonly threshold: number;
}

/**
 * Version 1 of root.
 * @param demo says in the signed `custom` field that thresholds and key custody are those of a demonstration
 * @throws SlipwayError `threshold-not-met` or `metadata-key-duplicated`
 */
export function createRoot(
  roles: { readonly root: RoleKeys; readonly targets: RoleKeys; readonly online: RoleKeys },
  now: Date,
  demo: boolean,
  lifetimes: Lifetimes = defaultLifetimes,
): SignedDocument<Root> {
  const byRole = { root: roles.root, targets: roles.targets, snapshot: roles.online, timestamp: roles.online };
  for (const [name, { keys }] of Object.entries(byRole)) requireDistinct(name, keys);
  const root = new Root({
    specVersion,
    version: 1,
    expires: expiryAt('root', now, lifetimes),
    consistentSnapshot: true,
    keys: keyMap(Object.values(byRole)),
    roles: Object.fromEntries(
      Object.entries(byRole).map(([name, { keys, threshold }]) => [
        name,
        new Role({ keyIDs: keyIds(keys), threshold }),
      ]),
    ),
    unrecognizedFields: withLifetimes(demo ? { custom: { demo: true } } : {}, lifetimes),
  });
  return signDocument('root', root, signersOf('root', roles.root));
}

/** True when the signed root says that it belongs to a demonstration. */
export function isDemo(root: Root): boolean {
  const custom = root.unrecognizedFields.custom;
  return typeof custom === 'object' && custom !== null && 'demo' in custom && custom.demo === true;
}

/** Who signs for what `targets` does not sign itself. */
export interface DelegatedKeys {
  readonly products: ReadonlyMap<Product, RoleKeys>;
  /** Sign permits to go back; without them no device believes any. */
  readonly permits?: RoleKeys | undefined;
  /** Sign grants for bundles; without them a bundle holds as long as its timestamp. */
  readonly offline?: RoleKeys | undefined;
}

/**
 * A targets role that names no target itself: each product is delegated, path-limited and terminating (TUF 4.5), and
 * so are permits, whose role has keys and no document.
 */
export function createTargets(
  { products, permits, offline }: DelegatedKeys,
  targetsKeys: RoleKeys,
  now: Date,
  version = 1,
  lifetimes: Lifetimes = defaultLifetimes,
): SignedDocument<Targets> {
  const roles = new Map([...products].map(([name, keys]) => [name, { ...keys, path: targetPattern(name) }]));
  if (permits) roles.set(permitsRole, { ...permits, path: permitsPattern });
  if (offline) roles.set(offlineRole, { ...offline, path: offlinePattern });
  for (const [name, { keys }] of roles) requireDistinct(name, keys);
  const delegations = new Delegations({
    keys: keyMap([...roles.values()]),
    roles: Object.fromEntries(
      [...roles].map(([name, { keys, threshold, path }]) => [
        name,
        new DelegatedRole({ name, keyIDs: keyIds(keys), threshold, terminating: true, paths: [path] }),
      ]),
    ),
  });
  const expires = expiryAt('targets', now, lifetimes);
  const targets = new Targets({ specVersion, version, expires, targets: {}, delegations });
  return signDocument('targets', targets, signersOf('targets', targetsKeys));
}

/** @throws SlipwayError `threshold-not-met` when fewer keys than the threshold can sign */
export function signersOf(role: string, { keys, threshold }: RoleKeys): SigningKey[] {
  const signers = keys.filter(isSigningKey);
  if (signers.length >= threshold && threshold >= 1) return signers;
  throw new SlipwayError(
    'threshold-not-met',
    `the role ${role} needs ${threshold} private keys, ${signers.length} of the ${keys.length} given keys are private`,
    { hint: 'Give more private keys, or a lower threshold of at least 1.' },
  );
}

/** One key under two names would meet a threshold of two by itself. */
function requireDistinct(role: string, keys: readonly PublicKey[]): void {
  if (new Set(keyIds(keys)).size === keys.length) return;
  throw new SlipwayError('metadata-key-duplicated', `one key was given twice for the role ${role}`, {
    hint: 'Each key counts once towards a threshold; give different ones.',
  });
}

function keyIds(keys: readonly PublicKey[]): string[] {
  return keys.map((key) => key.keyId).sort();
}

function keyMap(roles: readonly RoleKeys[]): Record<string, PublicKey['key']> {
  return Object.fromEntries(roles.flatMap(({ keys }) => keys.map((key) => [key.keyId, key.key])));
}
