/** Finds who makes a request, by a token of ours or by the bearer of a person, and asks the rule of `fleet/authorise`. */
import type { FastifyRequest } from 'fastify';
import type { DeviceId } from '../../contract/device-api/device-id.ts';
import { type AccessRule, type Allowed, authorise, authoriseDevice } from '../fleet/access/authorise.ts';
import { type Caller, callerOfToken } from '../fleet/access/caller.ts';
import { type Sight, sightOf } from '../fleet/access/sight.ts';
import { bearerToken, hashToken } from '../fleet/access/token.ts';
import type { TokenUse } from '../fleet/access/token-use.ts';
import { unknownDevice } from '../fleet/identity/dismissal.ts';
import type { Bearer, DeviceStore, TokenStore } from '../fleet/ports.ts';
import type { People } from '../people/people.ts';
import type { Campaigns } from '../rollout/campaigns/campaigns.ts';
import { unknownRollout } from '../rollout/unknown-rollout.ts';
import { noteForLog } from './answer-log.ts';
import { personBearer } from './person-bearer.ts';

export interface AccessInput {
  readonly fleet: TokenStore & DeviceStore;
  readonly clock: () => number;
  readonly tokenUse: TokenUse;
  /** Undefined where no issuer vouches for people. */
  readonly people: People | undefined;
}

/** @throws SlipwayError `unauthenticated`, `forbidden`, `out-of-reach`, `enrolment-token-invalid`, `issuer-unreachable` */
export async function allow(request: FastifyRequest, access: AccessRule, input: AccessInput): Promise<Allowed> {
  const { authorization } = request.headers;
  const text = bearerToken(authorization);
  const token = text === undefined ? undefined : await input.fleet.findToken(hashToken(text));
  const caller = token ? callerOfToken(token) : await personOf(authorization, access, input);
  const now = input.clock();
  if (caller && caller.purpose !== 'device') noteForLog(request, { by: caller.actor });
  const allowed = authorise(caller, { changes: !['GET', 'HEAD'].includes(request.method), ...access }, now);
  if (token) input.tokenUse.note(token, now);
  return allowed;
}

/** People have scopes: where none is asked for, nothing is verified. */
async function personOf(
  authorization: string | undefined,
  { scope, anyToken }: AccessRule,
  { people, clock }: AccessInput,
): Promise<Caller | undefined> {
  if (!people || (scope === undefined && !anyToken)) return undefined;
  const bearer = personBearer(authorization);
  return bearer === undefined ? undefined : people.callerOf(bearer, clock());
}

/** What a caller that was allowed sees by the plan in force, at each call. */
export function sightBy(
  { reaches }: Allowed,
  { campaigns }: { readonly campaigns: Pick<Campaigns, 'compiled'> },
): Sight {
  return sightOf(reaches, campaigns.compiled);
}

/**
 * As `allow`, for a device inside the reach of who asks; one outside is answered like one that is not there.
 * @throws SlipwayError as `allow`, and `device-unknown`
 */
export async function allowDeviceOf(
  request: FastifyRequest,
  id: DeviceId,
  access: AccessRule,
  input: AccessInput & { readonly campaigns: Pick<Campaigns, 'compiled'> },
): Promise<Allowed & { readonly sight: Sight }> {
  const allowed = await allow(request, access, input);
  const sight = sightBy(allowed, input);
  if (sight.isWhole) return { ...allowed, sight };
  const device = await input.fleet.findDevice(id);
  if (!device || !sight.seesDevice(device)) throw unknownDevice(id);
  return { ...allowed, sight };
}

/**
 * As `allow`, for a rollout inside the reach of who asks; one outside is answered like one that is not declared.
 * @throws SlipwayError as `allow`, and `rollout-unknown`
 */
export async function allowRollout(
  request: FastifyRequest,
  name: string,
  access: AccessRule,
  input: AccessInput & { readonly campaigns: Pick<Campaigns, 'compiled'> },
): Promise<Allowed & { readonly sight: Sight }> {
  const allowed = await allow(request, access, input);
  const sight = sightBy(allowed, input);
  if (sight.seesRollout(name)) return { ...allowed, sight };
  throw unknownRollout(name);
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
    admit: (token, status) => authoriseDevice(token && callerOfToken(token), id, status, now),
  };
}
