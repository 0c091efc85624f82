/** Names the machine whose references a patch predicts, and says how the patch states it. */
import { SlipwayError } from '../../contract/errors.ts';
import type { SymbolCoder } from './symbol-coder.ts';

/** Which references a patch predicts: none, those of x86 code, those of 64-bit ARM code. */
export const referenceFamilies = { none: 0, x86: 1, arm64: 2 } as const;
export type ReferenceFamily = (typeof referenceFamilies)[keyof typeof referenceFamilies];

/**
 * Codes the family, two plain bits.
 * @throws SlipwayError `delta-malformed` for the number that none has
 */
export function codeFamily(coder: SymbolCoder, family: ReferenceFamily): ReferenceFamily {
  const coded = coder.plainBits(family, 2);
  if (coded === 3) throw new SlipwayError('delta-malformed', 'references of family 3, expected 0 to 2');
  return coded as ReferenceFamily;
}
