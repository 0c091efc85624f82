/** Which golden samples a level is held to. */
import { isLongRun } from '../../sampling.ts';

/** Beyond these bytes a sample shows the same once more: several windows and blocks. */
const shortBytes = 100_000;

/** All in the long tests; else each sample has its half of the levels, and a long one a quarter of them. */
export function samplesFor<Sample extends { readonly length: number }>(
  samples: readonly Sample[],
  level: number,
): readonly Sample[] {
  if (isLongRun) return samples;
  return samples.filter(({ length }, index) => (index + level) % (length > shortBytes ? 4 : 2) === 0);
}
