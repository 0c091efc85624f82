/**
 * Parses a `Rollout` as people declare it, and says what it means: defaults filled in, times in seconds or milliseconds
 * since 1970.
 */
import * as z from 'zod';
import { channelSchema, productSchema } from '../../contract/release/manifest.ts';
import { versionSchema } from '../../contract/release/version.ts';
import type { ReleaseTarget } from '../catalog/releases.ts';
import { gateOf } from './gate.ts';
import { apiVersion, metadataSchema, objectNameSchema } from './object-name.ts';
import { type Practice, practiceOf, practiceShape } from './practice.ts';
import { type Wave, waveSizeOf, wavesSchema } from './wave.ts';

/** Equal declarations are equal as JSON. */
export interface Rollout extends Practice {
  readonly name: string;
  readonly product: string;
  readonly target: ReleaseTarget;
  /** Name of a group; undefined for every device of the product. */
  readonly group: string | undefined;
  readonly waves: readonly Wave[];
  /** A wave with nobody in it passes; else it holds until somebody is there. */
  readonly allowEmpty: boolean;
  /** Milliseconds since 1970: no new offers and no new waves from then on. */
  readonly deadline: number | undefined;
  /** Rollouts that must have completed before this one starts. */
  readonly after: readonly string[];
  /** Minor versions that one update may go up; undefined: 1 for K3s and K0s versions, no limit for others. */
  readonly maxMinorStep: number | undefined;
  readonly paused: boolean;
  readonly aborted: boolean;
  /** Of two rollouts that claim one device, the higher wins. */
  readonly priority: number;
}

export const rolloutDocumentSchema = z.strictObject({
  apiVersion: z.literal(apiVersion),
  kind: z.literal('Rollout'),
  metadata: metadataSchema,
  spec: z
    .strictObject({
      product: productSchema,
      release: versionSchema.optional(),
      channel: channelSchema.optional(),
      group: objectNameSchema.optional(),
      allowEmpty: z
        .boolean()
        .describe('Whether a wave with nobody in it passes; default false: it holds until somebody is there.')
        .optional(),
      waves: wavesSchema,
      ...practiceShape,
      deadline: z.iso.datetime({ offset: true, error: 'expected a time such as 2026-12-24T00:00:00Z' }).optional(),
      after: z.array(objectNameSchema).max(64).optional(),
      maxMinorStep: z.number().int().min(1, 'expected 1 at least').max(1000).optional(),
      paused: z.boolean().optional(),
      aborted: z.boolean().optional(),
      priority: z.number().int().min(-1000).max(1000).optional(),
    })
    .superRefine(({ release, channel }, context) => {
      if ((release === undefined) !== (channel === undefined)) return;
      const fix = 'Name a release by its version, or a channel that moves; not both.';
      context.addIssue({ code: 'custom', path: [], message: 'expected either release or channel', params: { fix } });
    }),
});

/** @param defaults of the fleet */
export function rolloutOf({ metadata, spec }: z.output<typeof rolloutDocumentSchema>, defaults: Practice): Rollout {
  const { product, release, channel, group, allowEmpty, waves, deadline, after, maxMinorStep } = spec;
  const { paused, aborted, priority } = spec;
  const practice = practiceOf(defaults, spec);
  return {
    name: metadata.name,
    product,
    target: release === undefined ? { channel: channel ?? '' } : { release },
    group,
    allowEmpty: allowEmpty ?? false,
    waves: waves.map((wave) => ({
      name: wave.name,
      size: waveSizeOf(wave),
      soakSeconds: wave.soak ?? 0,
      gate: gateOf(practice.gate, wave.gate),
    })),
    ...practice,
    deadline: deadline === undefined ? undefined : Date.parse(deadline),
    after: after ?? [],
    maxMinorStep,
    paused: paused ?? false,
    aborted: aborted ?? false,
    priority: priority ?? 0,
  };
}
