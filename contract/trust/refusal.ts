/** Turns what tuf-js throws into the code that names the attack it stopped. */

import { LengthOrHashMismatchError, UnsignedMetadataError } from '@tufjs/models/dist/error.js';
import { BadVersionError, ExpiredMetadataError, RepositoryError } from 'tuf-js/dist/error.js';
import { SlipwayError } from '../errors.ts';

export function classifyRefusal(role: string, error: unknown): SlipwayError {
  if (error instanceof SlipwayError) return error;
  const detail = error instanceof Error ? error.message : String(error);
  const options = (hint: string) => ({ cause: error, hint });
  if (error instanceof ExpiredMetadataError) {
    return new SlipwayError('metadata-expired', `${role}: ${detail}`, {
      ...options('Sign the repository again (slipway-packager refresh), or check the clock of this machine.'),
    });
  }
  if (error instanceof BadVersionError) {
    return new SlipwayError(
      'metadata-rolled-back',
      `${role}: ${detail}`,
      options(
        'The server offers an older state than was already accepted; look for a stale cache or a rollback attack.',
      ),
    );
  }
  if (error instanceof UnsignedMetadataError) {
    return new SlipwayError(
      'metadata-signature-invalid',
      `${role}: ${detail}`,
      options('The metadata is not signed by the keys that this root trusts.'),
    );
  }
  if (error instanceof LengthOrHashMismatchError) {
    return new SlipwayError(
      'metadata-mismatched',
      `${role}: ${detail}`,
      options('The server mixes documents of different states.'),
    );
  }
  if (error instanceof RepositoryError)
    return new SlipwayError('metadata-mismatched', `${role}: ${detail}`, { cause: error });
  return new SlipwayError('metadata-malformed', `${role}: ${detail}`, { cause: error });
}
