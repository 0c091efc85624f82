/**
 * What a product's targets role says about a release besides its length and digest: the `custom` field of a TUF
 * target (TUF 4.5). A channel is here, under the signature, never a bare pointer that a mirror could move.
 */
import * as z from 'zod';
import { channelSchema, counterSchema } from './manifest.ts';

export const targetCustomSchema = z.strictObject({
  counter: counterSchema,
  /** Channels that point to this release; each channel points to at most one release of a product and platform. */
  channels: z.array(channelSchema).max(32),
  /** Channels that pointed here before: devices may still run it, so deltas start from it. */
  formerChannels: z.array(channelSchema).max(32).optional(),
});
export type TargetCustom = z.infer<typeof targetCustomSchema>;
