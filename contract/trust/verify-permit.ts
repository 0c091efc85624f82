/** Verifies permits. The clock, the repository and the memory of used permits are the caller's. */
import type { Digest } from '../digest.ts';
import { SlipwayError } from '../errors.ts';
import type { Product } from '../release/manifest.ts';
import { type KeyAuthority, requireSignatures } from './key-authority.ts';
import { type Permit, permitBytes, type SignedPermit } from './permit.ts';

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
export function verifyPermit(permit: SignedPermit, authority: KeyAuthority | undefined, holder: PermitHolder): Permit {
  if (!authority) {
    throw new SlipwayError('permits-not-delegated', 'the repository delegates permits to no key', {
      hint: 'Make the repository with slipway-packager init --permit-key.',
    });
  }
  const { signed, signatures } = permit;
  requireSignatures(permitBytes(signed), signatures, authority, (found) => unsigned(authority.threshold, found));
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

function unsigned(threshold: number, found: number): SlipwayError {
  return new SlipwayError(
    'permit-invalid',
    `expected ${threshold} signatures of the keys that permits are delegated to, found ${found}`,
    { hint: 'Give the distributor the key that the repository delegates permits to.' },
  );
}
