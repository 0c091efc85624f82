/** A rollout as people declare it in YAML, and what it means: defaults filled in, durations in seconds. */
import { z } from 'zod';
import { parseDocument } from '../../contract/document.ts';
import { channelSchema, productSchema } from '../../contract/release/manifest.ts';
import { versionSchema } from '../../contract/release/version.ts';
import type { ReleaseTarget } from '../catalog/releases.ts';
import { durationSchema } from './duration.ts';

/** Names as Kubernetes has them for objects (RFC 1123 subdomain). */
const nameSchema = z
  .string()
  .max(253)
  .regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/, 'expected lower-case letters, digits, inner dots and hyphens');

/** Above 0, at most 100. */
const percentSchema = z.number().gt(0, 'expected a percentage above 0').max(100, 'expected 100 at most');

const waveSchema = z.strictObject({
  name: nameSchema.max(63),
  /** Cumulative: the share of all devices that this wave and those before it may reach. */
  percent: percentSchema,
  /** How long the wave stays open at least before the next may open. */
  soak: durationSchema.default(0),
});

export const defaultGate = { successPercent: 95 } as const;
export const defaultAbort = { failurePercent: 5, minFailures: 3 } as const;
/** Seconds after which an attempt without a result no longer counts as under way. */
export const defaultDeviceTimeoutSeconds = 2 * 3600;

const specSchema = z
  .strictObject({
    product: productSchema,
    release: versionSchema.optional(),
    channel: channelSchema.optional(),
    waves: z.array(waveSchema).min(1, 'expected one wave at least').max(32),
    gate: z.strictObject({ successPercent: percentSchema.default(defaultGate.successPercent) }).default(defaultGate),
    abort: z
      .strictObject({
        failurePercent: percentSchema.default(defaultAbort.failurePercent),
        minFailures: z.number().int().min(1).default(defaultAbort.minFailures),
      })
      .default(defaultAbort),
    deviceTimeout: durationSchema.default(defaultDeviceTimeoutSeconds),
    paused: z.boolean().default(false),
    aborted: z.boolean().default(false),
    /** Of two rollouts that claim one device, the higher wins. */
    priority: z.number().int().min(-1000).max(1000).default(0),
  })
  .superRefine((spec, context) => {
    if ((spec.release === undefined) === (spec.channel === undefined)) {
      context.addIssue({ code: 'custom', path: [], message: 'expected either release or channel' });
    }
    const names = new Set<string>();
    for (const [index, wave] of spec.waves.entries()) {
      const before = spec.waves[index - 1];
      if (before && wave.percent < before.percent) {
        const message = `a wave may not shrink: ${wave.percent} after ${before.percent}`;
        context.addIssue({ code: 'custom', path: ['waves', index, 'percent'], message });
      }
      if (names.has(wave.name)) {
        context.addIssue({ code: 'custom', path: ['waves', index, 'name'], message: 'duplicate wave name' });
      }
      names.add(wave.name);
    }
  });

export const rolloutDocumentSchema = z.strictObject({
  apiVersion: z.literal('slipway/v1'),
  kind: z.literal('Rollout'),
  metadata: z.strictObject({ name: nameSchema }),
  spec: specSchema,
});

export interface Wave {
  readonly name: string;
  readonly percent: number;
  readonly soakSeconds: number;
}

/** A declared rollout; equal declarations are equal as JSON. */
export interface Rollout {
  readonly name: string;
  readonly product: string;
  readonly target: ReleaseTarget;
  readonly waves: readonly Wave[];
  readonly gate: { readonly successPercent: number };
  readonly abort: { readonly failurePercent: number; readonly minFailures: number };
  readonly deviceTimeoutSeconds: number;
  readonly paused: boolean;
  readonly aborted: boolean;
  readonly priority: number;
}

/**
 * @param file the name used in messages
 * @throws DocumentError (`document-invalid`) with every problem, its line and column
 */
export function parseRollout(text: string, file: string): Rollout {
  const { metadata, spec } = parseDocument(text, rolloutDocumentSchema, file);
  const { release, channel } = spec;
  return {
    name: metadata.name,
    product: spec.product,
    target: release === undefined ? { channel: channel as string } : { release },
    waves: spec.waves.map(({ name, percent, soak }) => ({ name, percent, soakSeconds: soak })),
    gate: spec.gate,
    abort: spec.abort,
    deviceTimeoutSeconds: spec.deviceTimeout,
    paused: spec.paused,
    aborted: spec.aborted,
    priority: spec.priority,
  };
}
