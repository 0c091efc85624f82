/** Decides who may do what: one pure rule for every route, over who asks. See sight.ts for where it may. */
import type { DeviceId } from '../../../contract/device-api/check.ts';
import { SlipwayError } from '../../../contract/errors.ts';
import { requireAccepted } from '../identity/accepted-device.ts';
import type { DeviceRecord } from '../ports.ts';
import type { Caller } from './caller.ts';
import { covers, everywhere, type FleetReach, reachWords, type ScopeGrant } from './reach.ts';
import type { Scope } from './scopes.ts';

/** What a route asks for; each member given suffices alone. */
export interface AccessRule {
  /** A person, or an operator or CI token, with this scope. */
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
  /** With the scope something is changed, which needs more than a reach to read. */
  readonly changes?: boolean;
}

/** Who may, and how far the rule holds: each of these reaches suffices. */
export interface Allowed {
  readonly caller: Caller;
  readonly reaches: readonly FleetReach[];
}

/**
 * @param caller undefined when nothing was presented or it is not known
 * @throws SlipwayError `unauthenticated`, `forbidden`, `out-of-reach`, `enrolment-token-invalid`
 */
export function authorise(caller: Caller | undefined, access: AccessRule, now: number): Allowed {
  const isAlive =
    caller !== undefined && caller.revokedAt === undefined && !(caller.expiresAt && caller.expiresAt <= now);
  if (access.enrolment) {
    // One code for unknown, expired, revoked and spent: a guesser learns nothing.
    if (isAlive && caller.purpose === 'enrol') return { caller, reaches: [everywhere] };
    throw new SlipwayError('enrolment-token-invalid', 'the enrolment token is unknown, expired, revoked or spent', {
      hint: 'Make one with slipway-distributor enrolment-token create.',
    });
  }
  if (!isAlive) {
    throw new SlipwayError('unauthenticated', 'expected a valid token in the Authorization header', {
      hint: 'Send "Authorization: Bearer slp_…"; tokens expire and can be revoked.',
    });
  }
  if (access.anyToken || isOfDevice(caller, access)) return { caller, reaches: [everywhere] };
  const { scope, changes = false } = access;
  const grants = scope === undefined ? [] : grantsWith(caller.grants, scope);
  if (grants.length === 0) {
    throw new SlipwayError('forbidden', `this token does not allow it: ${describeAccess(access)} is needed`, {
      hint: 'Use the token of the device itself, or one with the scope named.',
    });
  }
  const reaches = grants.map(({ reach }) => reach).filter(({ readOnly }) => !(changes && readOnly));
  if (reaches.length > 0) return { caller, reaches };
  throw outOfReach('this token is read only', 'Use a token that may change things.');
}

function isOfDevice({ purpose, deviceId }: Caller, { anyDevice, device, newDevice }: AccessRule): boolean {
  if (purpose === 'device') return anyDevice === true || (device !== undefined && deviceId === device);
  return purpose === 'enrol' && newDevice === true;
}

function grantsWith(grants: readonly ScopeGrant[], scope: Scope): ScopeGrant[] {
  return grants.filter(({ scopes }) => scopes.includes(scope));
}

/**
 * Who makes a token gives only what it has, and no further than it reaches: a token that makes tokens must not become
 * one that may do everything.
 * @throws SlipwayError `forbidden`, `out-of-reach`
 */
export function authoriseGiving({ grants }: Pick<Caller, 'grants'>, scopes: readonly Scope[], reach: FleetReach): void {
  const lacking = scopes.filter((scope) => grantsWith(grants, scope).length === 0);
  if (lacking.length > 0) {
    throw new SlipwayError('forbidden', `this token does not have ${lacking.join(', ')}, so it cannot give it`, {
      hint: 'Use a token that has these scopes, or make the new one on the server’s machine.',
    });
  }
  for (const scope of scopes) {
    const own = grantsWith(grants, scope).map((grant) => grant.reach);
    if (own.some((outer) => covers(outer, reach))) continue;
    const bounds = own.map(reachWords).join(', or ');
    throw outOfReach(`this token has ${scope} for ${bounds}, so it cannot give more`, 'Give the new token its bounds.');
  }
}

/** What cannot be bounded, such as a plan, is for those who reach everything. */
export function outOfReach(message: string, hint: string): SlipwayError {
  return new SlipwayError('out-of-reach', message, { hint });
}

/**
 * The device that a path names, for that device alone.
 * @param status undefined when no such device is enrolled
 * @throws SlipwayError `unauthenticated`, `forbidden`, and those of requireAccepted
 */
export function authoriseDevice(
  caller: Caller | undefined,
  id: DeviceId,
  status: DeviceRecord['status'] | undefined,
  now: number,
): void {
  // Its tokens may have been revoked with it: a client that shows one may know why.
  if (status !== undefined && caller?.deviceId === id) requireAccepted(id, status);
  authorise(caller, { device: id }, now);
}

function describeAccess(access: AccessRule): string {
  const ways = [
    access.scope === undefined ? undefined : `the scope ${access.scope}`,
    access.device === undefined ? undefined : `the token of device ${access.device}`,
    access.anyDevice ? 'the token of a device' : undefined,
  ];
  return ways.filter((way) => way !== undefined).join(' or ');
}
