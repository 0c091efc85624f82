/** Which golden samples a level is held to. */
import { isLongRun } from '../../sampling.ts';

/** All in the long tests; else every second one, so that each has its half of the levels. */
export function samplesFor<Sample>(samples: readonly Sample[], level: number): readonly Sample[] {
  if (isLongRun) return samples;
  return samples.filter((_, index) => (index + level) % 2 === 0);
}
