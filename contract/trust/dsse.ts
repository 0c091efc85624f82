/**
 * Defines signed envelopes as in-toto has them (DSSE 1.0) and verifies them. A signature covers the type of the payload
 * with its bytes, so that nothing that was signed as something else passes for a statement.
 */
import type { Key } from '@tufjs/models';
import * as z from 'zod';
import { SlipwayError } from '../errors.ts';
import { limits } from '../limits.ts';
import { strictJson } from '../strict-json.ts';
import { isSignature } from './signature.ts';

/** Four thirds of the bytes, and padding. */
const maxBase64 = Math.ceil(limits.maxStatementBytes / 3) * 4;
const base64 = (max: number) =>
  z
    .string()
    .max(max)
    .regex(/^[A-Za-z0-9+/]+={0,2}$/, 'expected Base64');

/** Envelopes of others have members of their own, which say nothing here. */
const envelopeSchema = z.object({
  payloadType: z.string().min(1).max(200),
  payload: base64(maxBase64),
  signatures: z
    .array(z.object({ keyid: z.string().max(256).optional(), sig: base64(4096) }))
    .min(1)
    .max(limits.maxStatementSignatures),
});
export type Envelope = z.infer<typeof envelopeSchema>;

/** The bytes that are signed (DSSE, "Pre-Authentication Encoding"). */
export function preAuthEncoding(payloadType: string, payload: Uint8Array): Uint8Array {
  const type = Buffer.from(payloadType);
  const head = Buffer.from(`DSSEv1 ${type.length} `);
  return Buffer.concat([head, type, Buffer.from(` ${payload.length} `), payload]);
}

/** @throws SlipwayError `provenance-invalid` */
export function decodeEnvelope(bytes: Uint8Array): Envelope {
  if (bytes.length > limits.maxAttachmentBytes) throw invalidProvenance(`the envelope has ${bytes.length} bytes`);
  try {
    return envelopeSchema.parse(strictJson(bytes));
  } catch (cause) {
    throw invalidProvenance('the statement is in no DSSE envelope', cause);
  }
}

export function payloadOf({ payload }: Envelope): Uint8Array {
  return Buffer.from(payload, 'base64');
}

/** A public key, by whatever names it. */
export interface SignerKey {
  readonly keyId: string;
  readonly key: Key;
}

/** Those of `keys` whose signature is on the envelope. The key ids in it are hints and decide nothing. */
export function signersOfEnvelope<K extends SignerKey>(envelope: Envelope, keys: readonly K[]): K[] {
  const signed = preAuthEncoding(envelope.payloadType, payloadOf(envelope));
  const signatures = envelope.signatures.map(({ sig }) => Buffer.from(sig, 'base64'));
  return keys.filter(({ key }) => signatures.some((signature) => isSignature(key, signed, signature)));
}

export function invalidProvenance(message: string, cause?: unknown): SlipwayError {
  return new SlipwayError('provenance-invalid', message, { cause, hint: 'Build the release again, with a statement.' });
}
