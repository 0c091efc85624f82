/** Tells a signed request that comes for the first time from one that somebody sends again. Pure. */
import type { SignatureParameters } from '../../../contract/device-api/signed-request.ts';

/** Time of signing in seconds since 1970, and nonce. */
export type SeenNonce = readonly [created: number, nonce: string];

/** A signature is good for so long before and after the time that it names. */
export const signatureSeconds = 300;
/** Of one device within that time; more would be no device of ours. */
const maxNonces = 32;

export function isTimely({ created }: Pick<SignatureParameters, 'created'>, now: number): boolean {
  return Math.abs(created - now / 1000) <= signatureSeconds;
}

/** What is to be remembered now; those that are too old to be taken again are left out. */
export function takeNonce(
  seen: readonly SeenNonce[],
  { created, nonce }: Pick<SignatureParameters, 'created' | 'nonce'>,
  now: number,
): readonly SeenNonce[] | 'replayed' | 'too-many' {
  const fresh = seen.filter((one) => isTimely({ created: one[0] }, now));
  if (fresh.some((one) => one[1] === nonce)) return 'replayed';
  return fresh.length >= maxNonces ? 'too-many' : [...fresh, [created, nonce]];
}
