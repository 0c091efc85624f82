/** Defines `POST /v1/devices/:id/check`: a device says what it runs, and the distributor answers what to run. */
import * as z from 'zod';
import { digestSchema } from '../digest.ts';
import { faults } from '../errors.ts';
import { limits } from '../limits.ts';
import { counterSchema, productSchema } from '../release/manifest.ts';
import { platformSchema } from '../release/platform.ts';
import { versionSchema } from '../release/version.ts';
import { signedPermitSchema } from '../trust/permit.ts';
import { boxSchema } from './box.ts';
import { labelsSchema } from './labels.ts';
import { decisionReasonNames } from './reasons.ts';
import { safeguardsSchema } from './safeguards.ts';

export { type DeviceId, deviceIdSchema } from './device-id.ts';
export type { Labels } from './labels.ts';

/** States of the device's update machine, in the order of an update. */
export const devicePhases = [
  'idle',
  'downloading',
  'rebuilding',
  'staged',
  'switching',
  'probation',
  'committed',
  'rolling-back',
  'rolled-back',
] as const;
export const devicePhaseSchema = z.enum(devicePhases);
export type DevicePhase = z.infer<typeof devicePhaseSchema>;

export const installedReleaseSchema = z.strictObject({
  version: versionSchema,
  counter: counterSchema,
  manifestSha256: digestSchema,
});
export type InstalledRelease = z.infer<typeof installedReleaseSchema>;

/** What the device allows the applying of a delta to take; one beyond it is passed over for another way. */
const deltaPolicySchema = z.strictObject({
  /** Whether compressed payloads may be encoded again. */
  allowReencode: z.boolean(),
  /** Of the process that applies a delta. */
  maxMemoryBytes: z
    .int()
    .min(1)
    .max(2 ** 40),
  maxReencodeSeconds: z.number().min(0),
  /** How fast the machine compresses. */
  reencodeBytesPerSecond: z.number().min(1),
  /** Of libzstd, those that the device can write frames with: no other version will do. */
  zstdVersions: z.array(z.string().max(32)).max(16),
});
export type DeltaPolicy = z.infer<typeof deltaPolicySchema>;

const checkShape = {
  updaterVersion: versionSchema,
  product: productSchema,
  platform: platformSchema,
  /** Absent on a device that has no release yet. */
  current: installedReleaseSchema.optional(),
  /** Highest counter ever committed here. */
  counterFloor: z.number().int().min(0),
  phase: devicePhaseSchema,
  /** Manifests that failed on this device and were rolled back. */
  rejected: z.array(digestSchema).max(64),
  labels: labelsSchema,
  /** Absent from updaters that do not say. */
  deltaPolicy: deltaPolicySchema.optional(),
};

/** What stands in the device's way now, whether or not a release was offered; see errors.ts for the codes. */
export const troubleSchema = z.object({
  code: z.string().regex(/^[a-z0-9-]{1,64}$/),
  fault: z.enum(faults),
  message: z.string().max(limits.maxTroubleMessage),
  /** By the device's own clock, RFC 3339. */
  since: z.iso.datetime(),
});
export type Trouble = z.infer<typeof troubleSchema>;

/** Where the updater runs: digests, so that no id of the machine leaves it. */
const machineFactsSchema = z.object({
  /** Of /etc/machine-id. */
  id: z.string().regex(/^[0-9a-f]{32}$/),
  /** Of the id of this boot: another one after each start, and never the same again. */
  boot: z.string().regex(/^[0-9a-f]{32}$/),
});
export type MachineFacts = z.infer<typeof machineFactsSchema>;

/**
 * Version 1 is strict. Version 2 passes over what it does not know, so that later updaters can say more without another
 * version. An updater whose version 2 is refused asks again in version 1; see version-1.ts.
 */
export const checkRequestSchema = z.discriminatedUnion('schemaVersion', [
  z.strictObject({ schemaVersion: z.literal(1), ...checkShape }),
  z.object({
    schemaVersion: z.literal(2),
    ...checkShape,
    /** The worst first; empty when all is well. */
    troubles: z.array(troubleSchema).max(limits.maxTroubles),
    /** Absent where there is no K3s or K0s, and where the updater cannot tell. One that nobody here can read is passed over. */
    box: boxSchema.optional().catch(undefined),
    /** Absent where the system does not say. One that nobody here can read is passed over. */
    machine: machineFactsSchema.optional().catch(undefined),
    /** Absent from updaters that do not look. Ones that nobody here can read are passed over. */
    safeguards: safeguardsSchema.optional().catch(undefined),
  }),
]);
export type CheckRequest = z.infer<typeof checkRequestSchema>;
export type CheckRequestVersion1 = Extract<CheckRequest, { schemaVersion: 1 }>;

const pollAfterSeconds = z.number().int().min(limits.minPollSeconds).max(limits.maxPollSeconds);

const windowSeconds = z.number().int().min(0).max(limits.maxSwitchWaitSeconds);
const windowShape = { opensInSeconds: windowSeconds, closesInSeconds: windowSeconds };

function windowOf<S extends z.ZodType<{ opensInSeconds: number; closesInSeconds: number }>>(schema: S) {
  const closesLater = (window: z.output<S>) => window.opensInSeconds < window.closesInSeconds;
  return schema.refine(closesLater, 'expected a window that closes after it opens');
}

/**
 * When the switch may begin, in seconds from the moment of the answer: a device counts them on its monotonic clock, so
 * that a calendar which is wrong by years does not matter. Closed when `closesInSeconds` have passed.
 */
export const switchWindowSchema = windowOf(z.strictObject(windowShape));
export type SwitchWindow = z.infer<typeof switchWindowSchema>;

export const offerSchema = z.strictObject({
  rollout: z.string(),
  wave: z.string(),
  /** TUF target path of the release.json; the device trusts it only as far as TUF names it. */
  targetPath: z.string().max(512),
  version: versionSchema,
  counter: counterSchema,
  /** Download and rebuild at once, switch only inside; absent: switch at any time. */
  switchWindow: switchWindowSchema.optional(),
  /** Try this release although it failed on this device; lifts that one rejection. */
  retry: z.literal(true).optional(),
});
export type Offer = z.infer<typeof offerSchema>;

export const checkAnswerSchema = z.discriminatedUnion('decision', [
  z.strictObject({
    decision: z.literal('update'),
    reason: z.enum(decisionReasonNames),
    offer: offerSchema,
    pollAfterSeconds: pollAfterSeconds.optional(),
  }),
  z.strictObject({
    decision: z.literal('none'),
    reason: z.enum(decisionReasonNames),
    /** The facts behind the reason: rollout, wave, percent. For people; programs use the reason. */
    detail: z.string().max(1000).optional(),
    pollAfterSeconds: pollAfterSeconds.optional(),
  }),
  z.strictObject({
    /** Go back to the previous release, from local bytes; worth only what its permit is worth. */
    decision: z.literal('revert'),
    reason: z.enum(decisionReasonNames),
    rollout: z.string().max(253),
    permit: signedPermitSchema,
    pollAfterSeconds: pollAfterSeconds.optional(),
  }),
]);
export type CheckAnswer = z.infer<typeof checkAnswerSchema>;

const heardOfferSchema = offerSchema.extend({ switchWindow: windowOf(z.object(windowShape)).optional() }).strip();
export type HeardOffer = z.infer<typeof heardOfferSchema>;

const heardReason = z.string().max(64);

/**
 * An answer as a device reads it: a server may be newer, say more, and have reasons that this program does not know.
 */
export const heardAnswerSchema = z.discriminatedUnion('decision', [
  z.object({
    decision: z.literal('update'),
    reason: heardReason,
    offer: heardOfferSchema,
    pollAfterSeconds: pollAfterSeconds.optional(),
  }),
  z.object({
    decision: z.literal('none'),
    reason: heardReason,
    detail: z.string().max(1000).optional(),
    pollAfterSeconds: pollAfterSeconds.optional(),
  }),
  z.object({
    decision: z.literal('revert'),
    reason: heardReason,
    rollout: z.string().max(253),
    permit: signedPermitSchema,
    pollAfterSeconds: pollAfterSeconds.optional(),
  }),
]);
export type HeardAnswer = z.infer<typeof heardAnswerSchema>;
