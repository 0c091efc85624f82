/**
 * Describes tokens as the API and the command line show them: everything but the hash, and the text only to the person
 * who made one.
 */
import * as z from 'zod';
import { deviceIdSchema } from '../../../contract/device-api/device-id.ts';
import { tokenSchema } from '../../../contract/device-api/enrolment.ts';
import { labelsSchema } from '../../../contract/device-api/labels.ts';
import { SlipwayError } from '../../../contract/errors.ts';
import type { TokenPage, TokenRecord, TokenStore } from '../ports.ts';
import type { FleetReach } from './reach.ts';
import { scopeSchema } from './scopes.ts';

export const tokenPurposeSchema = z.enum(['enrol', 'device', 'operator', 'ci']);
const tokenStatusSchema = z.enum(['valid', 'revoked', 'expired', 'spent']);

export const tokenViewSchema = z.object({
  id: z.string(),
  name: z.string().optional(),
  purpose: tokenPurposeSchema,
  status: tokenStatusSchema,
  scopes: z.array(scopeSchema),
  deviceId: deviceIdSchema.optional(),
  /** Who made it: an actor of the audit log. */
  owner: z.string().optional(),
  createdAt: z.string(),
  /** Absent: never. */
  expiresAt: z.string().optional(),
  /** Absent where uses are not counted. */
  usesLeft: z.number().int().optional(),
  /** Given to each device that it enrols; absent where it gives none. */
  labels: labelsSchema.optional(),
  /** It reaches these products alone, or enrols devices of these alone; absent: of any. */
  products: z.array(z.string()).optional(),
  /** It reaches devices and rollouts of these groups alone, or its labels put devices into these; absent: of any. */
  groups: z.array(z.string()).optional(),
  /** It reaches these rollouts and their devices alone; absent: any. */
  rollouts: z.array(z.string()).optional(),
  /** Nothing is changed with it, whatever its scopes; absent: false. */
  readOnly: z.literal(true).optional(),
  /** About a minute exact; absent: never, or not since a server that keeps it. */
  lastUsedAt: z.string().optional(),
});
export type TokenView = z.infer<typeof tokenViewSchema>;

/** The text is shown this once. */
export const madeTokenSchema = tokenViewSchema.extend({ token: tokenSchema });
export type MadeToken = z.infer<typeof madeTokenSchema>;

export const tokenStandingSchema = z.object({ id: z.string(), status: z.literal('revoked') });
export type TokenStanding = z.infer<typeof tokenStandingSchema>;

export const tokenQuerySchema = z.object({ purpose: tokenPurposeSchema.optional() });
export type TokenQuery = z.infer<typeof tokenQuerySchema>;

export const tokenPageSchema = z.object({
  tokens: z.array(tokenViewSchema),
  /** For `after` of the next page; absent on the last one. */
  next: z.string().optional(),
});
type TokenPageView = z.infer<typeof tokenPageSchema>;

/** Where a page ended: `<createdAt>.<id>`. */
export const tokenCursorSchema = z.string().regex(/^\d{1,16}\.[0-9a-f]{1,64}$/);

/** @param sees which of them are shown: a page may have few tokens, or none, and another one after it */
export async function listTokens(
  store: Pick<TokenStore, 'listTokens'>,
  { purpose }: TokenQuery,
  page: { readonly after: string | undefined; readonly limit: number },
  now: number,
  sees: (token: TokenRecord) => Promise<boolean> = async () => true,
): Promise<TokenPageView> {
  const records = await store.listTokens({ purpose, after: parseCursor(page.after), limit: page.limit });
  const last = records.at(-1);
  const isFull = records.length === page.limit && last !== undefined;
  const seen: TokenRecord[] = [];
  for (const record of records) if (await sees(record)) seen.push(record);
  return {
    tokens: seen.map((record) => tokenViewOf(record, now)),
    ...(isFull ? { next: `${last.createdAt}.${last.id}` } : {}),
  };
}

export function tokenViewOf(token: TokenRecord, now: number): TokenView {
  const { id, name, purpose, scopes, deviceId, createdBy, createdAt, expiresAt, usesLeft, lastUsedAt } = token;
  const { bound, reach } = token;
  return {
    id,
    name,
    purpose,
    status: statusOf(token, now),
    scopes: [...scopes],
    deviceId,
    owner: createdBy,
    createdAt: new Date(createdAt).toISOString(),
    ...(expiresAt === undefined ? {} : { expiresAt: new Date(expiresAt).toISOString() }),
    usesLeft,
    ...(Object.keys(bound.labels).length === 0 ? {} : { labels: bound.labels }),
    ...reachViewOf(token.purpose === 'enrol' ? { ...reach, ...bound } : reach),
    ...(lastUsedAt === undefined ? {} : { lastUsedAt: new Date(lastUsedAt).toISOString() }),
  };
}

/** What bounds nothing is left out. */
export function reachViewOf({ products, groups, rollouts, readOnly }: FleetReach) {
  return {
    ...(products.length === 0 ? {} : { products: [...products] }),
    ...(groups.length === 0 ? {} : { groups: [...groups] }),
    ...(rollouts.length === 0 ? {} : { rollouts: [...rollouts] }),
    ...(readOnly ? { readOnly: true as const } : {}),
  };
}

export function unknownToken(id: string): SlipwayError {
  return new SlipwayError('token-unknown', `no token has the id ${id}`, {
    hint: 'List them with slipway-distributor token ls.',
  });
}

function parseCursor(cursor: string | undefined): TokenPage['after'] {
  const [, at, id] = /^(\d+)\.(.+)$/.exec(cursor ?? '') ?? [];
  return id === undefined ? undefined : { createdAt: Number(at), id };
}

function statusOf(token: TokenRecord, now: number): TokenView['status'] {
  if (token.revokedAt !== undefined) return 'revoked';
  if (token.expiresAt !== undefined && token.expiresAt <= now) return 'expired';
  return token.usesLeft === 0 ? 'spent' : 'valid';
}
