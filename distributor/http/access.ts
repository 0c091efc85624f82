/** Finds the token of a request and asks the rule of `fleet/authorise` about it. */
import type { FastifyRequest } from 'fastify';
import { SlipwayError } from '../../contract/errors.ts';
import { type Access, authorise } from '../fleet/authorise.ts';
import type { DeviceStore, TokenRecord, TokenStore } from '../fleet/ports.ts';
import { bearerToken, hashToken } from '../fleet/token.ts';

export interface AccessInput {
  readonly fleet: TokenStore & DeviceStore;
  readonly clock: () => number;
}

/** @throws SlipwayError `unauthenticated`, `forbidden`, `enrolment-token-invalid` */
export async function allow(request: FastifyRequest, access: Access, input: AccessInput): Promise<TokenRecord> {
  const text = bearerToken(request.headers.authorization);
  const token = text === undefined ? undefined : await input.fleet.findToken(hashToken(text));
  return authorise(token, access, input.clock());
}

/**
 * The device that the path names, for that device alone. Whether it is enrolled and accepted is for whoever works on
 * its record: only a token that is refused is looked into, to say more than that.
 * @throws SlipwayError `unauthenticated`, `forbidden`, `device-revoked`
 */
export async function allowDevice(request: FastifyRequest, id: string, input: AccessInput): Promise<void> {
  const text = bearerToken(request.headers.authorization);
  const token = text === undefined ? undefined : await input.fleet.findToken(hashToken(text));
  try {
    authorise(token, { device: id }, input.clock());
  } catch (refusal) {
    const isOwn = token?.deviceId === id;
    if (!isOwn || (await input.fleet.findDevice(id))?.status !== 'revoked') throw refusal;
    throw new SlipwayError('device-revoked', `device ${id} was revoked`, {
      hint: 'An operator can forget the device, so that it may enrol again.',
    });
  }
}

/**
 * Integrity never depends on who may read, so reading is open unless the operator wants a token for it.
 * @throws SlipwayError `unauthenticated`, `forbidden`
 */
export async function allowReading(
  request: FastifyRequest,
  input: AccessInput & { readonly policy: { readonly requireTokenForReads: boolean } },
): Promise<void> {
  if (input.policy.requireTokenForReads) await allow(request, { anyDevice: true, scope: 'artifacts:read' }, input);
}
