/**
 * Keeps keys of permits apart. One lies on the machine that answers devices: an attacker who takes it there must not be
 * able to sign anything else.
 */
import type { Key } from '@tufjs/models';
import { SlipwayError } from '../../contract/errors.ts';

/** @throws SlipwayError `usage`: every device so far verifies permits by ed25519 alone */
export function requirePermitKeyType(keys: readonly Pick<Key, 'keyType'>[]): void {
  if (keys.every(({ keyType }) => keyType === 'ed25519')) return;
  throw new SlipwayError('usage', 'a key of permits is of another type than ed25519', {
    hint: 'Make one with: slipway-packager keygen permits --out DIR',
  });
}

/** @throws SlipwayError `usage` where a key of permits serves another role, too */
export function refuseSharedPermitKeys(permits: readonly string[], others: readonly string[]): void {
  const used = new Set(others);
  if (!permits.some((id) => used.has(id))) return;
  throw new SlipwayError('usage', 'a key of permits serves another role too', {
    hint: 'Make one for permits alone: slipway-packager keygen permits --out DIR',
  });
}
