/**
 * Refuses a request that changes more than keys, thresholds, products, lifetimes and times: whoever signs it reads of nothing else.
 * Key ids are computed, never believed.
 */
import { Root, type Targets } from '@tufjs/models';
import type { DelegatedRole } from '@tufjs/models/dist/role.js';
import { getPublicKey } from '@tufjs/models/dist/utils/key.js';
import { isSameJson } from '../../contract/canonical-json.ts';
import { SlipwayError } from '../../contract/errors.ts';
import { keyIdOf, keyJsonOf } from '../../contract/trust/key-id.ts';
import { permitsRole } from '../../contract/trust/keys-only-roles.ts';
import { defaultLifetimes, lifetimesOf, withLifetimes } from '../../system/signing/lifetimes.ts';
import { patternOf } from './key-roles.ts';
import { refuseSharedPermitKeys, requirePermitKeyType } from './permit-keys.ts';

export interface OfflineDocuments {
  readonly root: Root;
  readonly targets: Targets;
}

/** @throws SlipwayError `metadata-malformed`, `usage` */
export function requireAllowedChange(before: OfflineDocuments, after: OfflineDocuments): void {
  for (const { root, targets } of [before, after]) {
    requireComputedIds(root.keys);
    requireComputedIds(targets.delegations?.keys ?? {});
  }
  if (after.root !== before.root) requireAllowedRoot(before.root, after.root);
  if (after.targets !== before.targets) requireAllowedTargets(before.targets, after.targets);
  refuseSharedPermitKey(after);
}

function requireComputedIds(keys: Root['keys']): void {
  for (const [id, key] of Object.entries(keys)) {
    const computed = canonicalKey(key);
    if (!computed || id !== keyIdOf(computed) || !isSameJson(key.toJSON(), computed)) {
      throw odd(`the key ${id.slice(0, 12)}`);
    }
  }
}

/** The key in the one form that this program writes; undefined for what is no key of its types. */
function canonicalKey({ keyType, scheme, keyVal }: Root['keys'][string]) {
  try {
    return keyJsonOf(getPublicKey({ keyType, scheme, keyVal: keyVal.public ?? '' }).key);
  } catch {
    return undefined;
  }
}

function requireAllowedRoot(before: Root, after: Root): void {
  if (after.version !== before.version + 1) throw odd('the version of root');
  const bare = (root: Root) => ({
    ...new Root({ ...root, unrecognizedFields: withLifetimes(root.unrecognizedFields, defaultLifetimes) }).toJSON(),
    ...{ spec_version: '', version: 0, expires: '', keys: {}, roles: Object.keys(root.roles).sort() },
  });
  if (!isSameJson(bare(before), bare(after))) throw odd('root, besides keys and lifetimes');
  lifetimesOf(after);
  if (!isSameJson(after.roles.snapshot?.toJSON(), after.roles.timestamp?.toJSON())) {
    throw odd('snapshot and timestamp, which have the same keys');
  }
}

function requireAllowedTargets(before: Targets, after: Targets): void {
  if (after.version <= before.version) throw odd('the version of targets');
  const bare = (targets: Targets) => ({
    ...targets.toJSON(),
    ...{ spec_version: '', version: 0, expires: '', delegations: {} },
  });
  const isHashed = after.delegations?.succinctRoles !== undefined;
  if (isHashed || !isSameJson(bare(before), bare(after))) throw odd('targets, besides delegations');
  const old = before.delegations?.roles ?? {};
  for (const [name, role] of Object.entries(after.delegations?.roles ?? {})) {
    const known = Object.hasOwn(old, name) ? old[name] : undefined;
    const fresh = { name, terminating: true, paths: [patternOf(name)] };
    const expected = known ? reachOf(known) : { ...fresh, hashes: null };
    if (!isSameJson(reachOf(role), expected)) throw odd(`what ${name} may sign`);
  }
}

function reachOf({ name, terminating, paths, pathHashPrefixes }: DelegatedRole) {
  return { name, terminating, paths: paths ?? null, hashes: pathHashPrefixes ?? null };
}

function refuseSharedPermitKey({ root, targets }: OfflineDocuments): void {
  const delegated = Object.values(targets.delegations?.roles ?? {});
  const idsOf = (roles: readonly { readonly keyIDs: readonly string[] }[]) => roles.flatMap(({ keyIDs }) => keyIDs);
  const permits = idsOf(delegated.filter(({ name }) => name === permitsRole));
  requirePermitKeyType(permits.flatMap((id) => targets.delegations?.keys[id] ?? []));
  refuseSharedPermitKeys(
    permits,
    idsOf([...Object.values(root.roles), ...delegated.filter(({ name }) => name !== permitsRole)]),
  );
}

function odd(what: string): SlipwayError {
  return new SlipwayError('metadata-malformed', `the request changes more than it may: ${what}`, {
    hint: 'Do not sign it. Ask the one who made it to make it again.',
  });
}
