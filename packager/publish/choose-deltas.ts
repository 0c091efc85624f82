/** Chooses which of the deltas between the same two files are worth keeping in a store. It decides from plain data. */
import { canonicalJson } from '../../contract/canonical-json.ts';
import { limits } from '../../contract/limits.ts';
import type { Delta, ReleaseManifest } from '../../contract/release/manifest.ts';

interface DeltaChoice<D extends { readonly delta: Delta }> {
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

/** The manifest with as many deltas of each component, the first ones, as fit into what devices read. */
export function withDeltasThatFit(manifest: ReleaseManifest, maxBytes: number = limits.maxManifestBytes) {
  for (let count: number = limits.maxDeltasPerComponent; ; count--) {
    const components = manifest.components.map((component) => ({
      ...component,
      deltas: component.deltas.slice(0, count),
    }));
    const fitting: ReleaseManifest = { ...manifest, components };
    if (count === 0 || canonicalJson(fitting).length <= maxBytes) return { manifest: fitting, deltasEach: count };
  }
}
