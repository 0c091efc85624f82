/** Defines what a machine needs to apply a delta: release.json states it and devices decide by it. */
import * as z from 'zod';
import { limits } from '../limits.ts';

const maxVersions = 8;

/** What applying a delta asks of a machine beside the time for its bytes. */
export const deltaNeedsSchema = z.strictObject({
  /** Frames that are to be encoded again, exactly; absent when there are none. */
  zstd: z
    .strictObject({
      /** Of libzstd, each of which is needed: no other writes those frames. */
      versions: z
        .array(z.string().regex(/^\d{1,3}\.\d{1,3}\.\d{1,3}$/))
        .min(1)
        .max(maxVersions),
      /** What the encoder takes at most, on top of the program. */
      memoryBytes: z
        .int()
        .min(0)
        .max(2 ** 40),
      /** Content that goes through the encoder: by it a machine knows the time. */
      contentBytes: z.int().min(0).max(limits.maxOpenedBytes),
    })
    .optional(),
  /** Free disk for parts while it is applied, beside the result. */
  scratchBytes: z
    .int()
    .min(0)
    .max(4 * limits.maxOpenedBytes),
});
export type DeltaNeeds = z.infer<typeof deltaNeedsSchema>;
