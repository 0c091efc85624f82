/**
 * Defines permits and verifies them. A permit is signed, is for one device, expires, and allows the device to leave a
 * release for the one before it, below the anti-rollback counter. The clock, the repository and the memory of used
 * permits are the caller's.
 */
import { createPublicKey, verify } from 'node:crypto';
import * as z from 'zod';
import { canonicalJson } from '../canonical-json.ts';
import { deviceIdSchema } from '../device-api/device-id.ts';
import { type Digest, digestSchema } from '../digest.ts';
import { SlipwayError } from '../errors.ts';
import { limits } from '../limits.ts';
import { type Product, productSchema } from '../release/manifest.ts';

const permitSchema = z.strictObject({
  schemaVersion: z.literal(1),
  /** Keeps a permit apart from everything else that a key may sign. */
  kind: z.literal('permit'),
  product: productSchema,
  deviceId: deviceIdSchema,
  rollout: z.string().min(1).max(253),
  /** Digest of the manifest of the release to leave. */
  leave: digestSchema,
  /** RFC 3339, UTC. */
  expires: z.iso.datetime(),
  /** Unique; a device acts on it once. */
  id: z.string().regex(/^[A-Za-z0-9_-]{16,64}$/, 'expected 16 to 64 characters base64url'),
});
export type Permit = z.infer<typeof permitSchema>;

export const signedPermitSchema = z.strictObject({
  signed: permitSchema,
  signatures: z
    .array(
      z.strictObject({
        keyid: digestSchema,
        /** ed25519 over permitBytes, hexadecimal. */
        sig: z.string().regex(/^[0-9a-f]{128}$/, 'expected 64 bytes in hexadecimal'),
      }),
    )
    .min(1)
    .max(limits.maxPermitSignatures),
});
export type SignedPermit = z.infer<typeof signedPermitSchema>;

/** Who may sign permits, as trusted targets metadata says. */
export interface PermitAuthority {
  /** ed25519 public keys, 32 bytes in hexadecimal, by TUF key id; each key once. */
  readonly keys: ReadonlyMap<string, string>;
  /** At least 1. */
  readonly threshold: number;
}

/** The bytes that are signed: RFC 8785, so that both sides agree whatever JSON the permit travelled in. */
export function permitBytes(permit: Permit): Uint8Array {
  return canonicalJson(permit);
}

/** What the device that was sent a permit knows about itself. */
export interface PermitHolder {
  readonly deviceId: string;
  readonly product: Product;
  /** The rollout that the answer named. */
  readonly rollout: string;
  /** Manifest of the release that it runs. */
  readonly current: Digest;
  /** Milliseconds since 1970; never earlier than any time already believed (the caller's time floor). */
  readonly now: number;
}

/**
 * Signatures first: nothing of a permit is believed before they hold.
 * @throws SlipwayError `permits-not-delegated`, `permit-invalid`, `permit-not-for-device`, `permit-not-for-release`,
 *   `permit-expired`
 */
export function verifyPermit(
  permit: SignedPermit,
  authority: PermitAuthority | undefined,
  holder: PermitHolder,
): Permit {
  if (!authority) {
    throw new SlipwayError('permits-not-delegated', 'the repository delegates permits to no key', {
      hint: 'Make the repository with slipway-packager init --permit-key.',
    });
  }
  requireSignatures(permit, authority);
  const { signed } = permit;
  if (signed.rollout !== holder.rollout) {
    throw new SlipwayError('permit-invalid', `expected a permit of ${holder.rollout}, found one of ${signed.rollout}`);
  }
  // A permit that was captured on another device.
  if (signed.deviceId !== holder.deviceId || signed.product !== holder.product) {
    const expected = `${holder.deviceId} of ${holder.product}`;
    throw new SlipwayError(
      'permit-not-for-device',
      `expected a permit for ${expected}, found one for ${signed.deviceId} of ${signed.product}`,
    );
  }
  // A permit of an earlier abort, replayed against a good release.
  if (signed.leave !== holder.current) {
    throw new SlipwayError(
      'permit-not-for-release',
      `the permit is to leave ${signed.leave}, this device runs ${holder.current}`,
    );
  }
  if (holder.now >= Date.parse(signed.expires)) {
    throw new SlipwayError('permit-expired', `the permit expired at ${signed.expires}`, {
      hint: 'Check the clocks of this device and of the distributor.',
    });
  }
  return signed;
}

/** Distinct keys count: one key that signs twice is one signature. */
function requireSignatures({ signed, signatures }: SignedPermit, { keys, threshold }: PermitAuthority): void {
  const bytes = permitBytes(signed);
  const valid = new Set(
    signatures.filter(({ keyid, sig }) => isSignature(keys.get(keyid), sig, bytes)).map(({ keyid }) => keyid),
  );
  if (valid.size >= Math.max(threshold, 1)) return;
  throw new SlipwayError(
    'permit-invalid',
    `expected ${threshold} signatures of the keys that permits are delegated to, found ${valid.size}`,
    { hint: 'Give the distributor the key that the repository delegates permits to.' },
  );
}

function isSignature(publicHex: string | undefined, sig: string, bytes: Uint8Array): boolean {
  if (publicHex === undefined) return false;
  try {
    const x = Buffer.from(publicHex, 'hex').toString('base64url');
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
    return verify(null, bytes, key, Buffer.from(sig, 'hex'));
  } catch {
    // What is no ed25519 key signs nothing.
    return false;
  }
}
