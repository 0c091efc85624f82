/** Names the settings that a zstd frame was made with, as far as its bytes depend on them. */
import * as z from 'zod/mini';
import { limits } from '../../contract/limits.ts';

export const zstdSettingsSchema = z.strictObject({
  encoder: z.literal('libzstd'),
  /** Versions of libzstd differ from each other in what they write: `1.5.7`. */
  version: z.string().check(z.regex(/^\d{1,3}\.\d{1,3}\.\d{1,3}$/)),
  level: z.int().check(z.minimum(-131_072), z.maximum(22)),
  windowLog: z.int().check(z.minimum(10), z.maximum(limits.maxRecipeZstdWindowLog)),
  longDistance: z.boolean(),
  /** Cut into jobs, as with one or more workers; their number does not show in the output. */
  jobs: z.boolean(),
  checksum: z.boolean(),
  contentSize: z.boolean(),
});
export type ZstdSettings = z.infer<typeof zstdSettingsSchema>;
