/** Makes and reads bearer tokens, and says what is kept of them. Randomness comes in as bytes. */
import type { DeviceId } from '../../../contract/device-api/check.ts';
import { type Token, type TokenPurpose, tokenSchema } from '../../../contract/device-api/enrolment.ts';
import { type Digest, sha256 } from '../../../contract/digest.ts';
import type { EnrolmentBounds } from '../identity/identity-ports.ts';
import type { TokenRecord } from '../ports.ts';
import { everywhere, type FleetReach } from './reach.ts';
import type { Scope } from './scopes.ts';

/** Fills an array with bytes fit for keys. */
export type RandomBytes = (length: number) => Uint8Array;

const secretBytes = 32;
const idBytes = 6;

interface MintInput {
  readonly name?: string | undefined;
  /** Who asked for it, as in the audit log. */
  readonly by?: string;
  readonly purpose: TokenPurpose;
  readonly scopes?: readonly Scope[];
  readonly reach?: FleetReach;
  readonly deviceId?: DeviceId;
  readonly uses?: number;
  readonly bound?: EnrolmentBounds;
  readonly lifetimeSeconds?: number | undefined;
  readonly now: number;
  readonly randomBytes: RandomBytes;
}

export const unbound: EnrolmentBounds = { labels: {}, products: [], groups: [] };

/** A new token: its text, shown once, and its record. */
export function mintToken(input: MintInput): { readonly token: Token; readonly record: TokenRecord } {
  const secret = Buffer.from(input.randomBytes(secretBytes)).toString('base64url');
  const token = tokenSchema.parse(`slp_${input.purpose}_${secret}`);
  return {
    token,
    record: {
      id: Buffer.from(input.randomBytes(idBytes)).toString('hex'),
      hash: hashToken(token),
      name: input.name,
      purpose: input.purpose,
      scopes: input.scopes ?? [],
      reach: input.reach ?? everywhere,
      deviceId: input.deviceId,
      createdAt: input.now,
      createdBy: input.by,
      expiresAt: input.lifetimeSeconds === undefined ? undefined : input.now + input.lifetimeSeconds * 1000,
      usesLeft: input.uses,
      bound: input.bound ?? unbound,
      revokedAt: undefined,
      lastUsedAt: undefined,
    },
  };
}

/** The secret has 256 random bits, so a plain hash keeps it: there is nothing to guess. */
export function hashToken(token: string): Digest {
  return sha256(new TextEncoder().encode(token));
}

/** @param header the `Authorization` field; undefined is what anything but one bearer token of ours gives */
export function bearerToken(header: string | undefined): Token | undefined {
  const [, text] = /^Bearer +(\S+)$/i.exec(header ?? '') ?? [];
  const parsed = tokenSchema.safeParse(text);
  return parsed.success ? parsed.data : undefined;
}
