/**
 * Makes the next root and targets: with keys added or revoked, other thresholds, more products, or only more time.
 * Nothing is signed here; see change-request.ts.
 */
import { type Key, Root, Targets } from '@tufjs/models';
import { Delegations } from '@tufjs/models/dist/delegations.js';
import { DelegatedRole, Role } from '@tufjs/models/dist/role.js';
import { SlipwayError } from '../../contract/errors.ts';
import { expiryAt, type Lifetimes, lifetimesOf, withLifetimes } from '../../system/signing/lifetimes.ts';
import { specVersion } from '../../system/signing/signed-document.ts';
import type { PublicKey } from '../../system/signing/signing-key.ts';
import { type OfflineDocuments, requireAllowedChange } from './allowed-change.ts';
import { isKeyRole, patternOf } from './key-roles.ts';

/** Roles as people name them: `online` signs snapshot and timestamp, `permits` and products are delegated by targets. */
export const rolesOfRoot: Readonly<Record<string, readonly string[]>> = {
  root: ['root'],
  targets: ['targets'],
  online: ['snapshot', 'timestamp'],
};

export interface RoleWishes {
  /** Documents to sign again although nothing else changes. */
  readonly renew: readonly ('root' | 'targets')[];
  readonly add: readonly { readonly role: string; readonly key: PublicKey }[];
  /** Key ids, or as much of their beginning as is unambiguous in the role. */
  readonly revoke: readonly { readonly role: string; readonly keyId: string }[];
  readonly thresholds: ReadonlyMap<string, number>;
  /** New roles below targets, or a role of keys alone where there is none: their keys are among `add`. */
  readonly newRoles: readonly string[];
  /** Undefined: as they are. */
  readonly lifetimes?: Lifetimes;
}

/** Undefined: the document stays as it is. */
export interface ChangedDocuments {
  readonly root: Root | undefined;
  readonly targets: Targets | undefined;
}

interface RoleKeyIds {
  readonly keyIDs: readonly string[];
  readonly threshold: number;
}

/**
 * @param targetsVersion the first one whose name is free in the store
 * @throws SlipwayError `usage`, `product-unknown`, `threshold-not-met`, `metadata-key-duplicated`
 */
export function changeRoles(
  { root, targets }: OfflineDocuments,
  wishes: RoleWishes,
  now: Date,
  targetsVersion = targets.version + 1,
): ChangedDocuments {
  for (const name of wishes.newRoles) refuseReservedName(name);
  const named = [...wishes.add, ...wishes.revoke].map(({ role }) => role);
  const touched = new Set([...named, ...wishes.thresholds.keys(), ...wishes.newRoles]);
  const delegations = targets.delegations?.roles ?? {};
  for (const role of touched) {
    const isKnown =
      Object.hasOwn(rolesOfRoot, role) || Object.hasOwn(delegations, role) || wishes.newRoles.includes(role);
    if (!isKnown) throw unknownRole(role, Object.keys(delegations));
  }
  const isRootTouched = Object.keys(rolesOfRoot).some((role) => touched.has(role));
  const isTargetsTouched = [...touched].some((role) => !Object.hasOwn(rolesOfRoot, role));
  // Keys of targets that changed have to sign the document that is in force.
  const isTargetsSigned = touched.has('targets') || isTargetsTouched || wishes.renew.includes('targets');
  const isRootSigned = isRootTouched || wishes.renew.includes('root') || wishes.lifetimes !== undefined;
  if (!isRootSigned && !isTargetsSigned) throw new SlipwayError('usage', 'the request asks for no change');
  const lifetimes = wishes.lifetimes ?? lifetimesOf(root);
  const next = {
    root: isRootSigned ? nextRoot(root, wishes, now, lifetimes) : undefined,
    targets: isTargetsSigned
      ? nextTargets(targets, wishes, targetsVersion, expiryAt('targets', now, lifetimes))
      : undefined,
  };
  requireAllowedChange({ root, targets }, { root: next.root ?? root, targets: next.targets ?? targets });
  return next;
}

function nextRoot(root: Root, wishes: RoleWishes, now: Date, lifetimes: Lifetimes): Root {
  const keys = new Map<string, Key>(Object.entries(root.keys));
  for (const { role, key } of wishes.add) if (Object.hasOwn(rolesOfRoot, role)) keys.set(key.keyId, key.key);
  const roles = new Map<string, Role>(Object.entries(root.roles));
  for (const [name, documents] of Object.entries(rolesOfRoot)) {
    for (const document of documents) {
      const before = roles.get(document) ?? { keyIDs: [], threshold: 1 };
      roles.set(document, new Role(changedKeys(name, before, wishes)));
    }
  }
  const used = new Set([...roles.values()].flatMap(({ keyIDs }) => keyIDs));
  return new Root({
    ...{ specVersion, version: root.version + 1, expires: expiryAt('root', now, lifetimes) },
    consistentSnapshot: root.consistentSnapshot,
    keys: Object.fromEntries([...keys].filter(([id]) => used.has(id))),
    roles: Object.fromEntries(roles),
    unrecognizedFields: withLifetimes(root.unrecognizedFields, lifetimes),
  });
}

function nextTargets(targets: Targets, wishes: RoleWishes, version: number, expires: string): Targets {
  const keys = new Map<string, Key>(Object.entries(targets.delegations?.keys ?? {}));
  for (const { role, key } of wishes.add) if (!Object.hasOwn(rolesOfRoot, role)) keys.set(key.keyId, key.key);
  const roles = new Map<string, DelegatedRole>(Object.entries(targets.delegations?.roles ?? {}));
  for (const name of wishes.newRoles) {
    if (roles.has(name)) throw new SlipwayError('usage', `the repository has a role ${name} already`);
    roles.set(name, delegated(name, { keyIDs: [], threshold: 1 }));
  }
  for (const [name, before] of roles) roles.set(name, delegated(name, changedKeys(name, before, wishes), before));
  const used = new Set([...roles.values()].flatMap(({ keyIDs }) => keyIDs));
  return new Targets({
    ...{ specVersion, version, expires, targets: targets.targets },
    delegations: new Delegations({
      keys: Object.fromEntries([...keys].filter(([id]) => used.has(id))),
      roles: Object.fromEntries(roles),
    }),
    unrecognizedFields: targets.unrecognizedFields,
  });
}

function delegated(name: string, { keyIDs, threshold }: RoleKeyIds, before?: DelegatedRole): DelegatedRole {
  const paths = before?.paths ?? [patternOf(name)];
  return new DelegatedRole({ name, keyIDs: [...keyIDs], threshold, terminating: true, paths });
}

function changedKeys(role: string, { keyIDs, threshold }: RoleKeyIds, wishes: RoleWishes) {
  const added = wishes.add.filter((wish) => wish.role === role).map(({ key }) => key.keyId);
  const twice = added.find((id, index) => keyIDs.includes(id) || added.indexOf(id) !== index);
  if (twice !== undefined) {
    throw new SlipwayError('metadata-key-duplicated', `the role ${role} has the key ${twice.slice(0, 12)} already`, {
      hint: 'Each key counts once towards a threshold; give another one.',
    });
  }
  const revoked = wishes.revoke.filter((wish) => wish.role === role).map(({ keyId }) => fullId(role, keyIDs, keyId));
  const left = [...keyIDs.filter((id) => !revoked.includes(id)), ...added].sort();
  const needed = wishes.thresholds.get(role) ?? threshold;
  if (needed >= 1 && left.length >= needed) return { keyIDs: left, threshold: needed };
  throw new SlipwayError(
    'threshold-not-met',
    `the role ${role} would need ${needed} signatures of ${left.length} keys`,
    {
      hint: 'Add a key in the same request, or lower the threshold.',
    },
  );
}

function fullId(role: string, keyIDs: readonly string[], beginning: string): string {
  const [found, other] = keyIDs.filter((id) => id.startsWith(beginning));
  if (found !== undefined && other === undefined && beginning.length >= 8) return found;
  throw new SlipwayError('usage', `the role ${role} has no one key that begins with ${JSON.stringify(beginning)}`, {
    hint: `Its keys are: ${keyIDs.map((id) => id.slice(0, 12)).join(', ')}; give at least 8 digits.`,
  });
}

/**
 * Roles of root have names of their own, and readers of metadata keep delegated roles as members of an object.
 * @throws SlipwayError `usage`
 */
function refuseReservedName(product: string): void {
  if (!(product in rolesOfRoot)) return;
  throw new SlipwayError('usage', `no product may have the name ${product}`, { hint: 'Choose another name.' });
}

/**
 * Permits and offline grants are roles with keys and without releases: whoever names a product so means something else.
 * @throws SlipwayError `usage`
 */
export function refuseReservedProduct(product: string): void {
  refuseReservedName(product);
  if (!isKeyRole(product)) return;
  throw new SlipwayError('usage', `${product} is a role without releases, not a product`, {
    hint: `Give it keys: slipway-packager keys add ${product} --add FILE`,
  });
}

function unknownRole(role: string, delegations: readonly string[]): SlipwayError {
  return new SlipwayError('product-unknown', `the repository has no role ${role}`, {
    hint: `Its roles are: ${[...Object.keys(rolesOfRoot), ...delegations].join(', ')}.`,
  });
}
