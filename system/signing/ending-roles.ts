/** Finds the signed roles whose time is ending, weeks before it does, while people can still be asked to sign. */
import { isBinRole } from '../../contract/trust/hash-bins.ts';
import { type Lifetimes, lifetimesOf, type RoleKind, roleKinds } from './lifetimes.ts';

export interface EndingRole {
  readonly role: string;
  /** RFC 3339. */
  readonly expires: string;
  readonly hasEnded: boolean;
}

/** People sign these; a job signs the others, and is late only when they have ended. */
const warnDays: Partial<Record<RoleKind, number>> = { root: 60, targets: 30, product: 14 };
const dayMs = 24 * 3600 * 1000;

/** When each role of a repository ends. */
export interface RoleEnds {
  /** RFC 3339, by role. A hash bin is signed with the role of its product or later, and is not told apart. */
  readonly expires: ReadonlyMap<string, string>;
  readonly lifetimes: Lifetimes;
}

/** @param documents by role, with `root`; bytes that were verified */
export function roleEndsOf(documents: ReadonlyMap<string, Uint8Array>): RoleEnds {
  const signed = new Map(
    [...documents].filter(([role]) => !isBinRole(role)).map(([role, bytes]) => [role, signedOf(bytes)]),
  );
  return {
    expires: new Map([...signed].map(([role, { expires }]) => [role, expires])),
    lifetimes: lifetimesOf({ unrecognizedFields: { custom: signed.get('root')?.custom as never } }),
  };
}

/** @returns the first to end first */
export function endingRoles({ expires: ends, lifetimes }: RoleEnds, now: Date): EndingRole[] {
  return [...ends]
    .filter(([role, expires]) => isEnding(role, expires, lifetimes, now))
    .map(([role, expires]) => ({ role, expires, hasEnded: Date.parse(expires) <= now.getTime() }))
    .sort((a, b) => Date.parse(a.expires) - Date.parse(b.expires));
}

/** One line for a person. */
export function endingText({ role, expires, hasEnded }: EndingRole): string {
  const how = role === 'root' || role === 'targets' ? 'slipway-packager keys renew' : 'slipway-packager refresh';
  return `${role} ${hasEnded ? 'ended' : 'ends'} at ${expires}; sign it again: ${how}`;
}

/** A third of a short life is time enough. */
function isEnding(role: string, expires: string, lifetimes: Lifetimes, now: Date): boolean {
  const kind = roleKinds.find((candidate) => candidate === role) ?? 'product';
  const days = Math.min(warnDays[kind] ?? 0, lifetimes[kind] / 3);
  return Date.parse(expires) - now.getTime() <= days * dayMs;
}

function signedOf(bytes: Uint8Array): { readonly expires: string; readonly custom?: unknown } {
  return JSON.parse(new TextDecoder().decode(bytes)).signed;
}
