/** A device as the API answers it and the command line prints it. */
import { z } from 'zod';
import {
  deviceIdSchema,
  devicePhaseSchema,
  installedReleaseSchema,
  labelsSchema,
} from '../../contract/device-api/check.ts';
import { platformSchema } from '../../contract/release/platform.ts';
import type { DeviceRecord } from './ports.ts';

export const deviceViewSchema = z.object({
  id: deviceIdSchema,
  product: z.string(),
  platform: platformSchema,
  labels: labelsSchema,
  status: z.enum(['accepted', 'revoked']),
  enrolledAt: z.iso.datetime(),
  lastSeenAt: z.iso.datetime().optional(),
  updaterVersion: z.string().optional(),
  current: installedReleaseSchema.optional(),
  counterFloor: z.number(),
  phase: devicePhaseSchema.optional(),
  acknowledgedThrough: z.number(),
});
export type DeviceView = z.infer<typeof deviceViewSchema>;

export function viewOf(device: DeviceRecord): DeviceView {
  const { id, product, platform, labels, status, counterFloor, acknowledgedThrough } = device;
  return {
    id,
    product,
    platform,
    labels,
    status,
    enrolledAt: new Date(device.enrolledAt).toISOString(),
    counterFloor,
    acknowledgedThrough,
    ...(device.lastSeenAt === undefined ? {} : { lastSeenAt: new Date(device.lastSeenAt).toISOString() }),
    ...(device.updaterVersion === undefined ? {} : { updaterVersion: device.updaterVersion }),
    ...(device.current === undefined ? {} : { current: device.current }),
    ...(device.phase === undefined ? {} : { phase: device.phase }),
  };
}
