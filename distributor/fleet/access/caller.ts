/** Describes who asks: a token that is kept here, or a person whom an issuer vouches for. One shape for both. */
import type { DeviceId } from '../../../contract/device-api/device-id.ts';
import type { TokenPurpose } from '../../../contract/device-api/enrolment.ts';
import type { TokenRecord } from '../ports.ts';
import type { ScopeGrant } from './reach.ts';
import type { Scope } from './scopes.ts';

export interface Caller {
  /** The same in each of its requests. */
  readonly id: string;
  /** As in the audit log; never a secret or its digest. */
  readonly actor: string;
  readonly purpose: TokenPurpose | 'person';
  /** Of the device that a `device` token belongs to. */
  readonly deviceId: DeviceId | undefined;
  /** None of a token for a device or an enrolment. */
  readonly grants: readonly ScopeGrant[];
  readonly expiresAt: number | undefined;
  readonly revokedAt: number | undefined;
  /** Undefined for a person. */
  readonly token: TokenRecord | undefined;
}

export function callerOfToken(token: TokenRecord): Caller {
  const { id, purpose, deviceId, expiresAt, revokedAt, scopes, reach } = token;
  const grants = scopes.length === 0 ? [] : [{ scopes, reach }];
  return { id, actor: actorOf(token), purpose, deviceId, expiresAt, revokedAt, grants, token };
}

/** A name is not unique, so the id of the token stands beside it; the id is public. */
export function actorOf({ id, name }: Pick<TokenRecord, 'id' | 'name'>): string {
  return name === undefined ? `token ${id}` : `token ${name} (${id})`;
}

/** All that some grant has. */
export function scopesOf(grants: readonly ScopeGrant[]): Scope[] {
  return [...new Set(grants.flatMap(({ scopes }) => scopes))];
}
