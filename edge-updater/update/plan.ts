/** Chooses how each component of a release comes to this device: the fewest bytes that policy and budget allow. */
import type { DeltaPolicy } from '../../contract/device-api/check.ts';
import type { Digest } from '../../contract/digest.ts';
import { SlipwayError } from '../../contract/errors.ts';
import type { Blob, Component, Delta, ReleaseManifest } from '../../contract/release/manifest.ts';
import { type DeltaRefusal, refusalOf } from './delta-policy.ts';

type PlannedSource =
  /** An installed file has the same bytes. */
  | { readonly kind: 'copy'; readonly from: Digest }
  | { readonly kind: 'delta'; readonly from: Digest; readonly delta: Delta }
  | { readonly kind: 'full'; readonly blob: Blob };

export interface PlannedComponent {
  readonly component: Component;
  readonly source: PlannedSource;
}

export interface UpdatePlan {
  readonly components: readonly PlannedComponent[];
  /** Blobs to fetch, each once, in order. */
  readonly blobs: readonly Blob[];
  /** Bytes of the cheapest full download of the whole release. */
  readonly fullBytes: number;
  /** Bytes still to come over the network. */
  readonly remainingBytes: number;
  /** Disk for intermediate files of deltas, besides blobs and the slot. */
  readonly scratchBytes: number;
  /** Deltas that would have been cheaper, and why this device does without. */
  readonly refusedDeltas: readonly RefusedDelta[];
}

export interface RefusedDelta {
  readonly component: string;
  readonly refusal: DeltaRefusal;
}

export interface PlanInput {
  readonly manifest: ReleaseManifest;
  /** Digests of the files in installed slots. */
  readonly installed: ReadonlySet<Digest>;
  /** Durable bytes by blob. */
  readonly durable: ReadonlyMap<Digest, number>;
  readonly failedSources: readonly Digest[];
  /** Blobs that can be had at all, where that is not all of them: those of a bundle. */
  readonly available?: ReadonlySet<Digest>;
  /** Bytes that this attempt has moved already; they count against the budget. */
  readonly bytesOnWire: number;
  readonly maxBytes?: number;
  readonly allowFullAfterDeltaFailure: boolean;
  readonly deltaPolicy: DeltaPolicy;
}

/** @throws SlipwayError `budget-exceeded`, `full-download-forbidden` */
export function planUpdate(input: PlanInput): UpdatePlan {
  const { manifest, durable } = input;
  const components = manifest.components.map((component) => ({ component, source: cheapest(component, input) }));
  const blobs = new Map<Digest, Blob>();
  for (const { source } of components) {
    if (source.kind === 'delta') blobs.set(source.delta.sha256, source.delta);
    if (source.kind === 'full') blobs.set(source.blob.sha256, source.blob);
  }
  const remaining = [...blobs.values()].reduce((sum, blob) => sum + costOf(blob, durable), 0);
  const fullBytes = manifest.components.reduce((sum, { blobs: all }) => sum + (smallest(all)?.length ?? 0), 0);
  if (input.maxBytes !== undefined && input.bytesOnWire + remaining > input.maxBytes) {
    throw new SlipwayError(
      'budget-exceeded',
      `the update needs ${remaining} bytes after ${input.bytesOnWire}, the budget is ${input.maxBytes}`,
      {
        hint: 'Raise download.maxBytesPerUpdate, install from a bundle, or publish a delta from the installed release.',
      },
    );
  }
  const scratchBytes = components.reduce((sum, { source }) => sum + scratchOf(source), 0);
  const refusedDeltas = components.flatMap((planned) => refusedFor(planned, input));
  return { components, blobs: [...blobs.values()], fullBytes, remainingBytes: remaining, scratchBytes, refusedDeltas };
}

function scratchOf(source: PlannedSource): number {
  return source.kind === 'delta' && source.delta.format === 'slipway' ? source.delta.needs.scratchBytes : 0;
}

/** The cheapest delta that was passed over for its needs alone. */
function refusedFor({ component, source }: PlannedComponent, input: PlanInput): RefusedDelta[] {
  if (source.kind === 'copy') return [];
  const { sha256 } = source.kind === 'delta' ? source.delta : source.blob;
  const refused = smallest(
    fitting(component, input).filter((delta) => refusalOf(delta, input.deltaPolicy) !== undefined),
  );
  const refusal = refused && refusalOf(refused, input.deltaPolicy);
  const chosen = [...component.blobs, ...component.deltas].find((blob) => blob.sha256 === sha256);
  if (!refused || !refusal || (chosen && chosen.length <= refused.length)) return [];
  return [{ component: component.name, refusal }];
}

/** Deltas from what is installed. */
function fitting(component: Component, { installed, available }: PlanInput): Delta[] {
  return component.deltas.filter(
    (delta) => installed.has(delta.fromSha256) && (available === undefined || available.has(delta.sha256)),
  );
}

function cheapest(component: Component, input: PlanInput): PlannedSource {
  const { installed, failedSources, available } = input;
  const canBeHad = (blob: Blob) => available === undefined || available.has(blob.sha256);
  const hasFailed = (digest: Digest) => failedSources.includes(digest);
  const isInstalled = installed.has(component.sha256);
  if (isInstalled && !hasFailed(component.sha256)) return { kind: 'copy', from: component.sha256 };
  const deltas = fitting(component, input).filter((delta) => refusalOf(delta, input.deltaPolicy) === undefined);
  const usable = deltas.filter((delta) => !hasFailed(delta.sha256));
  const full = smallest(component.blobs.filter(canBeHad), input.durable);
  const delta = smallest(usable, input.durable);
  if (delta && (!full || costOf(delta, input.durable) < costOf(full, input.durable))) {
    return { kind: 'delta', from: delta.fromSha256, delta };
  }
  if ((isInstalled || usable.length < deltas.length) && !input.allowFullAfterDeltaFailure) {
    throw new SlipwayError('full-download-forbidden', `what ${component.name} could be made from here failed`, {
      hint: 'Set download.allowFullAfterDeltaFailure, or install from a bundle.',
    });
  }
  if (!full) throw new SlipwayError('blob-missing', `there is no blob to make ${component.name} from`);
  return { kind: 'full', blob: full };
}

function costOf(blob: Blob, durable: ReadonlyMap<Digest, number>): number {
  return Math.max(0, blob.length - (durable.get(blob.sha256) ?? 0));
}

/** The first of the cheapest; undefined where there is none. */
function smallest<B extends Blob>(
  blobs: readonly B[],
  durable: ReadonlyMap<Digest, number> = new Map(),
): B | undefined {
  return blobs.toSorted((a, b) => costOf(a, durable) - costOf(b, durable))[0];
}
