/** Loads what verifies the bearers of people when the first one comes: most servers have none, and loading takes long. */
import type { Issuer } from '../../people/issuers.ts';
import type { BearerVerifier } from '../../people/people.ts';
import type { VerifierOptions } from './bearer-verifier.ts';

export function bearerVerifierWhenAsked(issuers: readonly Issuer[], options: VerifierOptions): BearerVerifier {
  let opened: Promise<BearerVerifier> | undefined;
  const open = () => {
    opened ??= import('./bearer-verifier.ts').then(({ bearerVerifier }) => bearerVerifier(issuers, options));
    return opened;
  };
  return {
    verify: async (bearer, now) => (await open()).verify(bearer, now),
    close: async () => (await opened)?.close(),
  };
}
