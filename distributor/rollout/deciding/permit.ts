/**
 * Issues permits: the signed order with which an aborted rollout sends a device back to its previous release. Owns what
 * a permit says and how long it holds; whether one is due is decided elsewhere, the key lies behind the signer.
 */
import type { DeviceId } from '../../../contract/device-api/check.ts';
import type { Digest } from '../../../contract/digest.ts';
import type { Product } from '../../../contract/release/manifest.ts';
import { type Permit, permitBytes, type SignedPermit } from '../../../contract/trust/permit.ts';

interface PermitOrder {
  readonly product: Product;
  readonly deviceId: DeviceId;
  readonly rollout: string;
  /** Manifest of the release that the device runs and is to leave. */
  readonly leave: Digest;
}

export interface PermitIssuer {
  /** A new permit at each call: a device acts on one only once. */
  issue(order: PermitOrder): SignedPermit;
}

/** One ed25519 key that the repository delegates permits to. */
export interface PermitSigner {
  readonly keyId: Digest;
  /** @returns 64 bytes in hexadecimal */
  sign(bytes: Uint8Array): string;
}

interface IssuerOptions {
  readonly signer: PermitSigner;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  /** 16 to 64 characters base64url, never the same twice. */
  readonly newId: () => string;
  readonly lifetimeSeconds?: number;
}

/**
 * Long enough for a slow answer and a clock that is off by hours, short enough that a captured one is soon worthless.
 */
export const permitLifetimeSeconds = 24 * 3600;

export function permitIssuer(options: IssuerOptions): PermitIssuer {
  const { signer, clock, newId, lifetimeSeconds = permitLifetimeSeconds } = options;
  return {
    issue(order) {
      const expires = new Date(clock() + lifetimeSeconds * 1000).toISOString();
      const signed: Permit = { schemaVersion: 1, kind: 'permit', ...order, expires, id: newId() };
      return { signed, signatures: [{ keyid: signer.keyId, sig: signer.sign(permitBytes(signed)) }] };
    },
  };
}
