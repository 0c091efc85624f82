/**
 * Signs and reads links to stored content, for where a bearer cannot go along: to a cache in front, on another origin. A
 * link is for one path and one device, and ends soon. It says nothing that its device may not read. Pure.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import * as z from 'zod';
import { type DeviceId, deviceIdSchema } from '../../../contract/device-api/device-id.ts';

/** Of all replicas; see LinkKeys. */
export interface LinkKey {
  /** Public; says which key signed. */
  readonly id: string;
  /** 32 bytes, base64url. */
  readonly secret: string;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
}

/** What a link has in its query; each member is signed, and the path. */
export const linkQuerySchema = z.object({
  device: deviceIdSchema.optional(),
  /** Seconds since 1970. */
  expires: z
    .string()
    .regex(/^[1-9]\d{0,11}$/)
    .optional(),
  key: z
    .string()
    .regex(/^[0-9a-f]{1,32}$/)
    .optional(),
  signature: z
    .string()
    .regex(/^[A-Za-z0-9_-]{43}$/)
    .optional(),
});
export type LinkQuery = z.infer<typeof linkQuerySchema>;

/** Long enough to be followed over a bad link; a download that is cut asks for another one. */
const linkSeconds = 300;

/** @param path from `/v1/` on @returns the query, without `?` */
export function signedLinkQuery(key: LinkKey, path: string, device: DeviceId, now: number): string {
  const expires = String(Math.floor(now / 1000) + linkSeconds);
  const signature = macOf(key, { path, device, expires }).toString('base64url');
  return new URLSearchParams({ device, expires, key: key.id, signature }).toString();
}

/** Undefined for whatever is not a link for this path that holds now. */
export function deviceOfLink(
  keys: readonly LinkKey[],
  path: string,
  query: LinkQuery,
  now: number,
): DeviceId | undefined {
  const { device, expires, signature } = query;
  const key = keys.find(({ id }) => id === query.key);
  if (!key || device === undefined || expires === undefined || signature === undefined) return undefined;
  const expected = macOf(key, { path, device, expires });
  const shown = Buffer.from(signature, 'base64url');
  // In constant time: how much of a guess is right stays unknown.
  if (shown.length !== expected.length || !timingSafeEqual(shown, expected)) return undefined;
  return Number(expires) * 1000 > now ? device : undefined;
}

interface SignedParts {
  readonly path: string;
  readonly device: DeviceId;
  readonly expires: string;
}

/** Neither part has a line feed, so that no two links have one text. */
function macOf({ secret }: LinkKey, { path, device, expires }: SignedParts): Buffer {
  const text = `slipway link 1\n${path}\n${device}\n${expires}`;
  return createHmac('sha256', Buffer.from(secret, 'base64url')).update(text).digest();
}
