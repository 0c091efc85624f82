/**
 * Defines permits. A permit is signed, is for one device, expires, and allows the device to leave a release for the one
 * before it, below the anti-rollback counter. verify-permit.ts verifies it.
 */
import * as z from 'zod';
import { canonicalJson } from '../canonical-json.ts';
import { deviceIdSchema } from '../device-api/device-id.ts';
import { digestSchema } from '../digest.ts';
import { limits } from '../limits.ts';
import { productSchema } from '../release/manifest.ts';

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

/** The bytes that are signed: RFC 8785, so that both sides agree whatever JSON the permit travelled in. */
export function permitBytes(permit: Permit): Uint8Array {
  return canonicalJson(permit);
}
