/** Makes a caller of the claims of a person whose bearer was verified: who it is, and what it may. Pure. */
import type { Caller } from '../fleet/access/caller.ts';
import { reachOf, type ScopeGrant } from '../fleet/access/reach.ts';
import type { Issuer, PersonGrant } from './issuers.ts';

/** Of a bearer that was verified; see RFC 7519. */
export interface PersonClaims {
  readonly sub: string;
  /** Seconds since 1970. */
  readonly exp: number;
  readonly [name: string]: unknown;
}

/** Clocks of the issuer and of this server may differ by so much. */
export const clockToleranceSeconds = 30;
const maxNameLength = 200;

export function callerOfPerson({ issuer, name, grants }: Issuer, claims: PersonClaims): Caller {
  return {
    id: `${issuer} ${claims.sub}`,
    actor: `${nameOf(name, claims)} via ${issuer}`,
    purpose: 'person',
    deviceId: undefined,
    grants: grants.filter(({ when }) => isFor(when, claims)).map(grantOf),
    expiresAt: (claims.exp + clockToleranceSeconds) * 1000,
    revokedAt: undefined,
    token: undefined,
  };
}

function grantOf(grant: PersonGrant): ScopeGrant {
  return { scopes: grant.scopes, reach: reachOf(grant) };
}

/** An address that the issuer did not verify may be somebody else's: then the subject stands in the log. */
function nameOf(claim: string, claims: PersonClaims): string {
  const value = claimOf(claims, claim);
  const isBelieved = claim !== 'email' || claims.email_verified !== false;
  const name = isBelieved && typeof value === 'string' ? oneLine(value) : '';
  // The issuer stands after this word, and no name may bring another one.
  return name === '' || name.includes(' via ') ? oneLine(claims.sub) : name;
}

/** A log is read by people: nothing in it is unseen, or turns what follows around. */
function oneLine(text: string): string {
  return text
    .replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '')
    .trim()
    .slice(0, maxNameLength);
}

function isFor(when: PersonGrant['when'], claims: PersonClaims): boolean {
  return Object.entries(when).every(([claim, wanted]) => {
    const values = [claimOf(claims, claim)].flat().filter(isPlain).map(String);
    return [wanted].flat().some((value) => values.includes(value));
  });
}

function isPlain(value: unknown): boolean {
  return ['string', 'number', 'boolean'].includes(typeof value);
}

/** A claim by its whole name, or else by its path: `realm_access.roles`. */
function claimOf(claims: PersonClaims, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name];
  return name.split('.').reduce<unknown>((value, part) => {
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject && Object.hasOwn(value, part) ? (value as Record<string, unknown>)[part] : undefined;
  }, claims);
}
