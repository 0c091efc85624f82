/** How much of a matrix a run does: all of it in `npm run test:long`, else a sample, the same each time. */

export const isLongRun = process.env.SLIPWAY_LONG === '1';
/** `npm test -- --wide`, as in CI: larger samples than people wait for. */
export const isWideRun = isLongRun || process.env.SLIPWAY_WIDE === '1';

/** The first `few`; all of them in a long run, or in another that is `whole`. */
export function sampled<T>(all: readonly T[], few: number, whole = isLongRun): T[] {
  return whole ? [...all] : all.slice(0, few);
}
