/**
 * Defines `POST /v1/devices/:id/reports`: a device tells what happened on it. It keeps a report until the server has
 * acknowledged its sequence. So reports arrive late, twice and out of order, and are idempotent by (device, sequence).
 */
import * as z from 'zod';
import { digestSchema } from '../digest.ts';
import { type ErrorCode, errorCodes, faults, isKnownInVersion1 } from '../errors.ts';
import { limits } from '../limits.ts';
import { versionSchema } from '../release/version.ts';
import { devicePhaseSchema } from './check.ts';

const version1Codes = Object.keys(errorCodes).filter(isKnownInVersion1) as [ErrorCode, ...ErrorCode[]];

/** A code of errors.ts; of a program that is newer than this one also one that is not there. */
export const codeNameSchema = z.string().regex(/^[a-z0-9-]{1,64}$/);
export const faultSchema = z.enum(faults);

/** Final results of one update attempt. `failed` ended before the switch: nothing changed on the device. */
export const updateOutcomes = ['committed', 'rolled-back', 'failed'] as const;
export const updateOutcomeSchema = z.enum(updateOutcomes);
export type UpdateOutcome = z.infer<typeof updateOutcomeSchema>;

/** How many bytes an attempt moved. */
export const transferSchema = z.strictObject({
  /** Body bytes received over the network in this attempt, retries included. */
  bytesOnWire: z.number().int().min(0),
  /** Bytes of the cheapest full download (no deltas) of the same release. */
  fullBytes: z.number().int().min(0),
  /** Bytes that were already durable when an interrupted download went on; 0 without an interruption. */
  resumedFrom: z.number().int().min(0),
});
export type Transfer = z.infer<typeof transferSchema>;

const reportShape = {
  /** 1, 2, 3 … per device, never reused. */
  sequence: z.number().int().min(1).max(Number.MAX_SAFE_INTEGER),
  /** The device's own clock, RFC 3339; it may be wrong by years. */
  at: z.iso.datetime(),
  /** Identifies one attempt: all its reports share it. */
  attempt: z.string().min(1).max(64),
  /** Absent when the release came from a bundle. */
  rollout: z.string().max(253).optional(),
  version: versionSchema,
  manifestSha256: digestSchema.optional(),
  phase: devicePhaseSchema,
  outcome: updateOutcomeSchema.optional(),
  message: z.string().max(2000).optional(),
  transfer: transferSchema.optional(),
};

/** As devices wrote it that speak version 1; see version-1.ts. */
export const reportSchemaVersion1 = z.strictObject({ ...reportShape, code: z.enum(version1Codes).optional() });
export type ReportVersion1 = z.infer<typeof reportSchemaVersion1>;

/** What a later version adds is passed over, so that it needs no new version for more. */
export const reportSchema = z.object({
  ...reportShape,
  /** Why it failed or was rolled back; without an outcome, why a permit was refused: nothing has changed then. */
  code: codeNameSchema.optional(),
  /** Whose fault the code is; see errors.ts. Absent without a code, and from devices that speak version 1. */
  fault: faultSchema.optional(),
  /** When the device tries the release again by itself, by its own clock; absent where it does at its next check. */
  nextTryAt: z.iso.datetime().optional(),
});
export type Report = z.infer<typeof reportSchema>;

const reportsOf = <S extends z.ZodType>(schema: S) => z.array(schema).min(1).max(limits.maxReportsPerRequest);

export const reportsRequestSchema = z.discriminatedUnion('schemaVersion', [
  z.strictObject({ schemaVersion: z.literal(1), reports: reportsOf(reportSchemaVersion1) }),
  z.object({ schemaVersion: z.literal(2), reports: reportsOf(reportSchema) }),
]);

export const reportsAnswerSchema = z.object({
  /** Every report up to this sequence is stored; the device may forget them. */
  acknowledgedThrough: z.number().int().min(0),
});
export type ReportsAnswer = z.infer<typeof reportsAnswerSchema>;
