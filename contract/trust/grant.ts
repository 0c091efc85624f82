/**
 * Defines offline grants and verifies them. A grant is signed, is for one release and the metadata that it came with, for
 * one device, some devices or all of a product, and expires. With it a device believes a timestamp, a snapshot and a
 * product role that have ended, as they were when the grant was signed. Root and targets have to hold all the same.
 */
import * as z from 'zod';
import { canonicalJson } from '../canonical-json.ts';
import { deviceIdSchema } from '../device-api/device-id.ts';
import { type Digest, digestSchema } from '../digest.ts';
import { SlipwayError } from '../errors.ts';
import { limits } from '../limits.ts';
import { type Product, productSchema } from '../release/manifest.ts';
import { strictJson } from '../strict-json.ts';
import { type KeyAuthority, requireSignatures } from './key-authority.ts';

const dayMs = 24 * 3600 * 1000;

const scopeSchema = z.strictObject({
  /** Absent: any device. */
  deviceId: deviceIdSchema.optional(),
  /** Of the device's own configuration. Absent: whatever it has. */
  label: z.strictObject({ name: z.string().min(1).max(253), value: z.string().max(63) }).optional(),
});

const grantSchema = z.strictObject({
  schemaVersion: z.literal(1),
  /** Keeps a grant apart from everything else that a key may sign. */
  kind: z.literal('offline-grant'),
  product: productSchema,
  scope: scopeSchema,
  /** Digest of the manifest of the one release. */
  release: digestSchema,
  /** Digest of the timestamp.json that it came with: no other state of the repository is meant. */
  timestamp: digestSchema,
  /** RFC 3339, UTC: all metadata held then. */
  issued: z.iso.datetime(),
  expires: z.iso.datetime(),
});
export type Grant = z.infer<typeof grantSchema>;

const signedGrantSchema = z.strictObject({
  signed: grantSchema,
  signatures: z
    .array(z.strictObject({ keyid: digestSchema, sig: z.string().regex(/^([0-9a-f]{2}){8,80}$/) }))
    .min(1)
    .max(limits.maxPermitSignatures),
});
export type SignedGrant = z.infer<typeof signedGrantSchema>;

/** The bytes that are signed: RFC 8785. */
export function grantBytes(grant: Grant): Uint8Array {
  return canonicalJson(grant);
}

/** @throws SlipwayError `grant-invalid` */
export function decodeGrant(bytes: Uint8Array): SignedGrant {
  try {
    return signedGrantSchema.parse(strictJson(bytes));
  } catch (cause) {
    throw refused('grant-invalid', 'the offline grant of the bundle cannot be read', cause);
  }
}

/** What the device that was brought a grant knows. */
export interface GrantHolder {
  readonly deviceId: string;
  readonly product: Product;
  readonly labels: Readonly<Record<string, string>>;
  /** Of the timestamp.json that it came with. */
  readonly timestamp: Digest;
  /** Milliseconds since 1970; never earlier than any time already believed (the caller's time floor). */
  readonly now: number;
}

/**
 * Signatures first: nothing of a grant is believed before they hold.
 * @throws SlipwayError `grant-invalid`, `grant-not-for-device`, `grant-expired`
 */
export function verifyGrant(grant: SignedGrant, authority: KeyAuthority | undefined, holder: GrantHolder): Grant {
  const { signed, signatures } = grant;
  const unsigned = () =>
    refused('grant-invalid', 'the offline grant is not signed by the keys that the repository delegates grants to');
  if (!authority) throw unsigned();
  requireSignatures(grantBytes(signed), signatures, authority, unsigned);
  const { deviceId, label } = signed.scope;
  if (signed.timestamp !== holder.timestamp) {
    throw refused('grant-invalid', 'the offline grant is of another state of the repository');
  }
  const isForAnother =
    signed.product !== holder.product ||
    (deviceId !== undefined && deviceId !== holder.deviceId) ||
    (label !== undefined && holder.labels[label.name] !== label.value);
  if (isForAnother) {
    const whom = deviceId ?? (label ? `devices with ${label.name}=${label.value}` : 'all devices');
    throw refused('grant-not-for-device', `the offline grant is for ${whom} of ${signed.product}`);
  }
  const [issued, expires] = [Date.parse(signed.issued), Date.parse(signed.expires)];
  if (expires - issued > limits.maxGrantDays * dayMs) {
    throw refused('grant-invalid', `the offline grant is for more than ${limits.maxGrantDays} days`);
  }
  if (holder.now >= expires) throw refused('grant-expired', `the offline grant ended at ${signed.expires}`);
  return signed;
}

function refused(code: 'grant-invalid' | 'grant-expired' | 'grant-not-for-device', message: string, cause?: unknown) {
  return new SlipwayError(code, message, { cause, hint: 'Fetch a newer bundle that is made for this device.' });
}
