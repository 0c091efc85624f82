/**
 * Defines the `custom` field of a TUF target (TUF 4.5): what a product's role says about a release besides length and
 * digest. A channel is here, under the signature, so that no mirror can move it.
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
