/**
 * Says who may read stored content. Integrity never depends on it. What is open is for everybody unless the operator wants a
 * token; what is private is for devices of its products, for people and CI whose reach has one of them, and for a link.
 */
import type { FastifyRequest } from 'fastify';
import type { DeviceId } from '../../contract/device-api/device-id.ts';
import { SlipwayError } from '../../contract/errors.ts';
import type { Catalog } from '../catalog/catalog.ts';
import type { Ownership } from '../catalog/private-products.ts';
import { type Allowed, outOfReach } from '../fleet/access/authorise.ts';
import type { LinkKeys } from '../fleet/access/link-keys.ts';
import { deviceOfLink, type LinkQuery } from '../fleet/access/signed-link.ts';
import { requireAccepted } from '../fleet/identity/accepted-device.ts';
import type { Campaigns } from '../rollout/campaigns/campaigns.ts';
import type { Policy } from '../services.ts';
import { type AccessInput, allow, sightBy } from './access.ts';

interface ReadingInput extends AccessInput {
  readonly policy: Pick<Policy, 'requireTokenForReads'>;
  readonly campaigns: Pick<Campaigns, 'compiled'>;
  readonly links: LinkKeys;
}

interface WantedContent {
  readonly ownership: Ownership;
  /** Devices that are about to enrol read it, too. */
  readonly newDevice?: true;
  /** What a link may be for; undefined where there are none. */
  readonly linked?: { readonly path: string; readonly query: LinkQuery };
}

export interface Reader {
  /** That asks with its bearer; undefined for others, and where nobody was asked who it is. */
  readonly device: DeviceId | undefined;
  readonly byLink: boolean;
  /** For `cache-control`: a cache that is shared keeps only what everybody may read. */
  readonly sharing: 'public' | 'private';
}

/** @throws SlipwayError `unauthenticated`, `forbidden`, `out-of-reach`, and those of requireAccepted */
export async function allowReading(
  request: FastifyRequest,
  wanted: WantedContent,
  input: ReadingInput,
): Promise<Reader> {
  const { ownership, newDevice, linked } = wanted;
  if (ownership.kind === 'open' && !input.policy.requireTokenForReads) {
    return { device: undefined, byLink: false, sharing: 'public' };
  }
  const sharing = ownership.kind === 'open' ? 'public' : 'private';
  const follower = linked && (await followerOf(linked, input));
  if (follower !== undefined && (await isReader(follower, ownership, input))) {
    return { device: undefined, byLink: true, sharing };
  }
  const rule = { anyDevice: true, scope: 'artifacts:read', ...(newDevice ? { newDevice } : {}) } as const;
  const allowed = await allow(request, rule, input);
  const { purpose, deviceId } = allowed.caller;
  if (purpose === 'device' && deviceId !== undefined) {
    if (!(await isReader(deviceId, ownership, input))) throw ofAnotherProduct(ownership);
    return { device: deviceId, byLink: false, sharing };
  }
  if (ownership.kind !== 'open') requireSight(allowed, ownership, input);
  return { device: undefined, byLink: false, sharing };
}

async function followerOf(
  { path, query }: NonNullable<WantedContent['linked']>,
  { links, clock }: ReadingInput,
): Promise<DeviceId | undefined> {
  const now = clock();
  return query.key === undefined ? undefined : deviceOfLink(await links.known(query.key, now), path, query, now);
}

/**
 * Asked of the database each time: a device that was revoked reads nothing any more, by a link neither.
 * @throws SlipwayError those of requireAccepted
 */
async function isReader(id: DeviceId, ownership: Ownership, { fleet }: ReadingInput): Promise<boolean> {
  const device = await fleet.findDevice(id);
  if (!device) return false;
  requireAccepted(id, device.status);
  return ownership.kind !== 'private' || ownership.products.includes(device.product);
}

/** @throws SlipwayError `out-of-reach` */
function requireSight(allowed: Allowed, ownership: Ownership, input: ReadingInput): void {
  const { token } = allowed.caller;
  const products = ownership.kind === 'private' ? ownership.products : [];
  if (token?.purpose === 'enrol') {
    const bound = token.bound.products;
    if (bound.length === 0 || products.some((product) => bound.includes(product))) return;
  } else {
    const sight = sightBy(allowed, input);
    if (sight.isWhole || products.some((product) => sight.seesProduct(product))) return;
  }
  throw outOfReach('this is of a private product outside what the token is for', 'Use a token for the product.');
}

function ofAnotherProduct(ownership: Ownership): SlipwayError {
  const whose = ownership.kind === 'private' ? ownership.products.join(' and ') : 'the fleet';
  return new SlipwayError('forbidden', `this is for devices of ${whose} alone`, {
    hint: 'The product is private: its devices read it, and tokens with the scope artifacts:read.',
  });
}

const startSeconds = 5;

/**
 * Before the store was read, nobody knows whose content is.
 * @throws SlipwayError `starting`
 */
export function requireKnownOwners({ state, privates }: Catalog): void {
  if (!privates.isAny || state.refreshedAt !== undefined) return;
  throw new SlipwayError('starting', 'the server is starting, and does not know yet which content is private', {
    hint: `Ask again in ${startSeconds} seconds.`,
  });
}
