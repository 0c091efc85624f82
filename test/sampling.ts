/** How much of a matrix a run does: all of it in `npm run test:long`, the same sample of it in each `npm test`. */

export const isLongRun = process.env.SLIPWAY_LONG === '1';
/** `npm test -- --wide`, as in CI: larger samples than people wait for. */
export const isWideRun = isLongRun || process.env.SLIPWAY_WIDE === '1';

/** All of them in a long run, the first `few` in another. */
export function sampled<T>(all: readonly T[], few: number): T[] {
  return isLongRun ? [...all] : all.slice(0, few);
}

/** All of them in a wide run, the first `few` in another. */
export function sampledWidely<T>(all: readonly T[], few: number): T[] {
  return isWideRun ? [...all] : all.slice(0, few);
}
