/** Which of the deltas between the same two files are worth keeping in a store. Decides from plain data. */
import type { Delta } from '../../contract/release/manifest.ts';

export interface DeltaChoice<D extends { readonly delta: Delta }> {
  readonly kept: readonly D[];
  /** One clause for people, of each that is left out. */
  readonly leftOut: readonly string[];
}

/**
 * The smallest that is smaller than the full download; beside a Slipway delta that asks a device to encode again also a
 * VCDIFF one, for devices that cannot afford to.
 * @param fullBytes length of the smallest full blob
 */
export function chooseDeltas<D extends { readonly delta: Delta }>(
  made: readonly D[],
  fullBytes: number,
): DeltaChoice<D> {
  const sorted = made.toSorted((a, b) => a.delta.length - b.delta.length);
  const kept: D[] = [];
  const leftOut: string[] = [];
  for (const candidate of sorted) {
    const { delta } = candidate;
    const best = kept[0]?.delta;
    const isNeeded = best === undefined || (best.format === 'slipway' && best.needs.zstd !== undefined);
    if (delta.length >= fullBytes) leftOut.push(`${delta.format} is not smaller, left out`);
    else if (!isNeeded) leftOut.push(`${delta.format} with ${delta.length} bytes left out`);
    else kept.push(candidate);
  }
  return { kept, leftOut };
}
