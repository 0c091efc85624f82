/**
 * Defines how a device signs a request with its own key: HTTP Message Signatures (RFC 9421) by ed25519 over method, path
 * and the digest of the body (RFC 9530), with a time and a nonce. One form is written, and only that one is read.
 */
import { createPublicKey, verify } from 'node:crypto';
import * as z from 'zod';
import { sha256 } from '../digest.ts';

/** An ed25519 public key as RFC 8037 has it: 32 bytes, base64url. */
export const publicKeySchema = z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'expected 32 bytes in base64url');

export interface SignatureParameters {
  /** Seconds since 1970. */
  readonly created: number;
  /** See deviceKeyIdOf. */
  readonly keyId: string;
  /** Never twice by one device. */
  readonly nonce: string;
}

export interface SignedRequest {
  readonly method: string;
  /** From `/v1/` on: a prefix that a proxy takes away is not signed. */
  readonly path: string;
  /** As sent. */
  readonly body: Uint8Array;
}

/** What a request carries besides. */
export type SignatureFields = Readonly<Record<'content-digest' | 'signature-input' | 'signature', string>>;

/** SHA-256 of the 32 bytes, hexadecimal. */
export function deviceKeyIdOf(publicKey: string): string {
  return sha256(Buffer.from(publicKey, 'base64url'));
}

/** Content-Digest of RFC 9530. */
function contentDigestOf(body: Uint8Array): string {
  return `sha-256=:${Buffer.from(sha256(body), 'hex').toString('base64')}:`;
}

/** Section 2.5 of RFC 9421. @param components names with their values, in the order of `parameters` */
export function signatureBase(components: readonly (readonly [string, string])[], parameters: string): string {
  const lines = components.map(([name, value]) => `"${name}": ${value}`);
  return [...lines, `"@signature-params": ${parameters}`].join('\n');
}

/** What is signed, and the fields that say so; the signature itself is the signer's. */
export function toBeSigned(
  request: SignedRequest,
  parameters: SignatureParameters,
): { readonly base: Uint8Array; readonly fields: (signature: Uint8Array) => SignatureFields } {
  const digest = contentDigestOf(request.body);
  const text = parametersText(parameters);
  return {
    base: baseOf(request, digest, text),
    fields: (signature) => ({
      'content-digest': digest,
      'signature-input': `${label}=${text}`,
      signature: `${label}=:${Buffer.from(signature).toString('base64')}:`,
    }),
  };
}

/** Undefined where the fields are not of this form. Nothing is verified yet. */
export function parseSignature(fields: Partial<SignatureFields>): SignatureParameters | undefined {
  const [, created, nonce, keyId] = inputPattern.exec(fields['signature-input'] ?? '') ?? [];
  if (created === undefined || nonce === undefined || keyId === undefined) return undefined;
  return { created: Number(created), nonce, keyId };
}

/** Whether this key signed this very request: another body, path or method does not pass. */
export function isSignedBy(publicKey: string, request: SignedRequest, fields: Partial<SignatureFields>): boolean {
  const parameters = parseSignature(fields);
  const [, signature] = signaturePattern.exec(fields.signature ?? '') ?? [];
  if (!parameters || signature === undefined || parameters.keyId !== deviceKeyIdOf(publicKey)) return false;
  const digest = contentDigestOf(request.body);
  if (fields['content-digest'] !== digest) return false;
  const base = baseOf(request, digest, parametersText(parameters));
  return verifyEd25519(publicKey, base, Buffer.from(signature, 'base64'));
}

/** @param publicKey see publicKeySchema */
export function verifyEd25519(publicKey: string, bytes: Uint8Array, signature: Uint8Array): boolean {
  try {
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: publicKey }, format: 'jwk' });
    return verify(null, bytes, key, signature);
  } catch {
    return false;
  }
}

const label = 'slipway';
const inputPattern =
  /^slipway=\("@method" "@path" "content-digest"\);created=([1-9]\d{0,11});nonce="([A-Za-z0-9_-]{16,64})";keyid="([0-9a-f]{64})";alg="ed25519"$/;
const signaturePattern = /^slipway=:([A-Za-z0-9+/]{86}==):$/;

function parametersText({ created, nonce, keyId }: SignatureParameters): string {
  return `("@method" "@path" "content-digest");created=${created};nonce="${nonce}";keyid="${keyId}";alg="ed25519"`;
}

function baseOf({ method, path }: SignedRequest, digest: string, parameters: string): Uint8Array {
  const components = [
    ['@method', method],
    ['@path', path],
    ['content-digest', digest],
  ] as const;
  return new TextEncoder().encode(signatureBase(components, parameters));
}
