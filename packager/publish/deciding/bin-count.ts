/** Decides how many hash bins a product has. */
import { limits } from '../../../contract/limits.ts';

/**
 * Bins never become fewer: a snapshot may not forget a role that it named once (TUF 5.5.5).
 * @param bins that it has, or is to have at least
 * @returns 0, or a power of two
 */
export function binCountFor(releases: number, bins: number): number {
  if (bins === 0 && releases <= limits.maxTargetsPerRole) return 0;
  const needed = Math.max(bins, limits.minHashBins, releases / limits.maxTargetsPerBin);
  return Math.min(2 ** Math.ceil(Math.log2(needed)), limits.maxHashBins);
}
