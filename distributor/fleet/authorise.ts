/** Decides who may do what: one pure rule for every route, over the token that was presented. */
import type { DeviceId } from '../../contract/device-api/check.ts';
import { SlipwayError } from '../../contract/errors.ts';
import { requireAccepted } from './accepted-device.ts';
import type { DeviceRecord, TokenRecord } from './ports.ts';
import type { Scope } from './scopes.ts';

/** What a route asks for; each member given suffices alone. */
export interface AccessRule {
  /** An operator or CI token with this scope. */
  readonly scope?: Scope;
  /** The token of exactly this device. */
  readonly device?: DeviceId;
  /** The token of any device. */
  readonly anyDevice?: true;
  /** An enrolment token, too: who is about to enrol proves the server first. */
  readonly newDevice?: true;
  /** Whatever token, as long as it is valid: it learns nothing but about itself. */
  readonly anyToken?: true;
  /** An enrolment token with a use left. */
  readonly enrolment?: true;
}

/**
 * @param token undefined when none was presented or none is known
 * @throws SlipwayError `unauthenticated`, `forbidden`, `enrolment-token-invalid`
 */
export function authorise(token: TokenRecord | undefined, access: AccessRule, now: number): TokenRecord {
  const isAlive = token !== undefined && token.revokedAt === undefined && !(token.expiresAt && token.expiresAt <= now);
  if (access.enrolment) {
    // One code for unknown, expired, revoked and spent: a guesser learns nothing.
    if (isAlive && token.purpose === 'enrol') return token;
    throw new SlipwayError('enrolment-token-invalid', 'the enrolment token is unknown, expired, revoked or spent', {
      hint: 'Make one with slipway-distributor enrolment-token create.',
    });
  }
  if (!isAlive) {
    throw new SlipwayError('unauthenticated', 'expected a valid token in the Authorization header', {
      hint: 'Send "Authorization: Bearer slp_…"; tokens expire and can be revoked.',
    });
  }
  if (access.anyToken) return token;
  if (token.purpose === 'device') {
    if (access.anyDevice || (access.device !== undefined && token.deviceId === access.device)) return token;
  } else if (token.purpose === 'enrol') {
    if (access.newDevice) return token;
  } else if (access.scope !== undefined && token.scopes.includes(access.scope)) {
    return token;
  }
  throw new SlipwayError('forbidden', `this token does not allow it: ${describeAccess(access)} is needed`, {
    hint: 'Use the token of the device itself, or one with the scope named.',
  });
}

/**
 * A token gives only what it has: a token that makes tokens must not become one that may do everything.
 * @throws SlipwayError `forbidden`
 */
export function authoriseGiving(token: Pick<TokenRecord, 'scopes'>, scopes: readonly Scope[]): void {
  const lacking = scopes.filter((scope) => !token.scopes.includes(scope));
  if (lacking.length === 0) return;
  throw new SlipwayError('forbidden', `this token does not have ${lacking.join(', ')}, so it cannot give it`, {
    hint: 'Use a token that has these scopes, or make the new one on the server’s machine.',
  });
}

/**
 * The device that a path names, for that device alone.
 * @param status undefined when no such device is enrolled
 * @throws SlipwayError `unauthenticated`, `forbidden`, and those of requireAccepted
 */
export function authoriseDevice(
  token: TokenRecord | undefined,
  id: DeviceId,
  status: DeviceRecord['status'] | undefined,
  now: number,
): void {
  // Its tokens may have been revoked with it: a client that shows one may know why.
  if (status !== undefined && token?.deviceId === id) requireAccepted(id, status);
  authorise(token, { device: id }, now);
}

function describeAccess(access: AccessRule): string {
  const ways = [
    access.scope === undefined ? undefined : `the scope ${access.scope}`,
    access.device === undefined ? undefined : `the token of device ${access.device}`,
    access.anyDevice ? 'the token of a device' : undefined,
  ];
  return ways.filter((way) => way !== undefined).join(' or ');
}
