/** A change of root and targets in words, for the person who is asked to sign it. */
import type { Root, Targets } from '@tufjs/models';
import { lifetimesOf, roleKinds } from '../../system/signing/lifetimes.ts';
import type { ChangeRequest } from './change-request.ts';
import { rolesOfRoot } from './change-roles.ts';

interface KeysOfRole {
  readonly keyIDs: readonly string[];
  readonly threshold: number;
}

/** Lines for each change, and for each role all keys that would sign: also what is said of today may be made up. */
export function describeChange({ before, after }: ChangeRequest): string[] {
  const lines: string[] = [];
  for (const document of ['root', 'targets'] as const) {
    const [old, next] = [before[document].signed, after[document]?.signed];
    if (!next) continue;
    lines.push(`${document} ${old.version} becomes ${next.version}: it ends at ${next.expires}, not at ${old.expires}`);
  }
  lines.push(...describeLifetimes(before.root.signed, (after.root ?? before.root).signed));
  const [old, next] = [rolesOf(before.root.signed, before.targets.signed), rolesAfter({ before, after })];
  for (const name of new Set([...old.keys(), ...next.keys()]))
    lines.push(...describeRole(name, old.get(name), next.get(name)));
  return lines;
}

function describeLifetimes(before: Root, after: Root): string[] {
  const [old, next] = [lifetimesOf(before), lifetimesOf(after)];
  const changed = roleKinds.filter((kind) => old[kind] !== next[kind]);
  return changed.map((kind) => `signatures of ${kind} hold for ${next[kind]} days from now on, not ${old[kind]}`);
}

function rolesAfter({ before, after }: ChangeRequest): Map<string, KeysOfRole> {
  return rolesOf((after.root ?? before.root).signed, (after.targets ?? before.targets).signed);
}

/** Roles as people name them, with the keys that sign for them. */
export function rolesOf(root: Root, targets: Targets): Map<string, KeysOfRole> {
  const roles = new Map<string, KeysOfRole>();
  for (const [name, documents] of Object.entries(rolesOfRoot)) {
    const role = root.roles[documents[0] ?? name];
    if (role) roles.set(name, role);
  }
  for (const [name, role] of Object.entries(targets.delegations?.roles ?? {})) roles.set(name, role);
  return roles;
}

function describeRole(name: string, old: KeysOfRole | undefined, next: KeysOfRole | undefined): string[] {
  if (!next) return [`the role ${name} goes`];
  if (!old) return [`a new role ${name}: ${next.threshold} of the keys ${idsOf(next.keyIDs)}`];
  const added = next.keyIDs.filter((id) => !old.keyIDs.includes(id));
  const revoked = old.keyIDs.filter((id) => !next.keyIDs.includes(id));
  if (added.length === 0 && revoked.length === 0 && old.threshold === next.threshold) {
    return [`${name}: ${next.threshold} of the keys ${idsOf(next.keyIDs)} sign, as today`];
  }
  return [
    ...revoked.map((id) => `${name}: the key ${id.slice(0, 12)} is revoked`),
    ...added.map((id) => `${name}: the key ${id.slice(0, 12)} is added`),
    `${name}: ${next.threshold} of the keys ${idsOf(next.keyIDs)} sign from now on (${old.threshold} of ${old.keyIDs.length} before)`,
  ];
}

function idsOf(ids: readonly string[]): string {
  return ids.map((id) => id.slice(0, 12)).join(', ');
}
