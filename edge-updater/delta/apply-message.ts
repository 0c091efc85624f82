/** Defines what the process that applies a delta is told, and what it says back, one JSON text a line. */
import * as z from 'zod/mini';
import { type ErrorCode, errorCodes } from '../../contract/errors.ts';

export const applyRequestSchema = z.strictObject({
  base: z.string(),
  delta: z.string(),
  scratch: z.string(),
  maxMemoryBytes: z.int().check(z.minimum(1)),
  /** Absolute paths of zstd commands. */
  zstdPrograms: z.array(z.string()),
  maxEncoderThreads: z.int().check(z.minimum(1)),
  /** Process id of who asks; when that process is gone, nobody wants the file. */
  parent: z.int().check(z.minimum(1)),
});
export type ApplyRequest = z.infer<typeof applyRequestSchema>;

const codes = Object.keys(errorCodes) as [ErrorCode, ...ErrorCode[]];
export const applyMessageSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('applied'),
    /** VmHWM of proc(5). */
    peakRssBytes: z.number(),
    seconds: z.number(),
    parts: z.number(),
    resumedParts: z.number(),
  }),
  z.strictObject({
    kind: z.literal('failed'),
    code: z.enum(codes),
    message: z.string(),
    hint: z.optional(z.string()),
  }),
]);
export type ApplyMessage = z.infer<typeof applyMessageSchema>;
