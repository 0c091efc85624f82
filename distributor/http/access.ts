/** Finds the token of a request and asks the rule of `fleet/authorise` about it. */
import type { FastifyRequest } from 'fastify';
import type { DeviceId } from '../../contract/device-api/device-id.ts';
import { requireAccepted } from '../fleet/accepted-device.ts';
import { type AccessRule, authorise, authoriseDevice } from '../fleet/authorise.ts';
import type { Bearer, DeviceStore, TokenRecord, TokenStore } from '../fleet/ports.ts';
import { bearerToken, hashToken } from '../fleet/token.ts';
import type { TokenUse } from '../fleet/token-use.ts';

interface AccessInput {
  readonly fleet: TokenStore & DeviceStore;
  readonly clock: () => number;
  readonly tokenUse: TokenUse;
}

/** @throws SlipwayError `unauthenticated`, `forbidden`, `enrolment-token-invalid` */
export async function allow(request: FastifyRequest, access: AccessRule, input: AccessInput): Promise<TokenRecord> {
  const text = bearerToken(request.headers.authorization);
  const token = text === undefined ? undefined : await input.fleet.findToken(hashToken(text));
  const now = input.clock();
  const allowed = authorise(token, access, now);
  input.tokenUse.note(allowed, now);
  return allowed;
}

/** @throws SlipwayError `unauthenticated`, `forbidden`, `device-revoked` */
export async function allowDevice(request: FastifyRequest, id: DeviceId, input: AccessInput): Promise<void> {
  const { tokenHash, admit } = bearerOf(request, id, input.clock());
  const token = tokenHash === undefined ? undefined : await input.fleet.findToken(tokenHash);
  admit(token, (await input.fleet.findDevice(id))?.status);
}

/** What the request shows, for a step that looks it up by itself. */
export function bearerOf(request: FastifyRequest, id: DeviceId, now: number): Bearer {
  const text = bearerToken(request.headers.authorization);
  return {
    tokenHash: text === undefined ? undefined : hashToken(text),
    admit: (token, status) => authoriseDevice(token, id, status, now),
  };
}

/**
 * Integrity never depends on who may read, so reading is open unless the operator wants a token for it.
 * @throws SlipwayError `unauthenticated`, `forbidden`, and those of requireAccepted
 */
export async function allowReading(
  request: FastifyRequest,
  input: AccessInput & { readonly policy: { readonly requireTokenForReads: boolean } },
  more: Pick<AccessRule, 'newDevice'> = {},
): Promise<void> {
  const access: AccessRule = { anyDevice: true, scope: 'artifacts:read', ...more };
  if (!input.policy.requireTokenForReads) return;
  const { deviceId } = await allow(request, access, input);
  const device = deviceId === undefined ? undefined : await input.fleet.findDevice(deviceId);
  if (device) requireAccepted(device.id, device.status);
}
