/** A device as the API answers it and the command line prints it. */
import { z } from 'zod';
import {
  deviceIdSchema,
  devicePhaseSchema,
  installedReleaseSchema,
  labelsSchema,
} from '../../contract/device-api/check.ts';
import { reportSchema } from '../../contract/device-api/report.ts';
import { digestSchema } from '../../contract/digest.ts';
import { platformSchema } from '../../contract/release/platform.ts';
import type { DeviceRecord, DeviceStore } from './ports.ts';

export const deviceViewSchema = z.object({
  id: deviceIdSchema,
  product: z.string(),
  platform: platformSchema,
  /** As the device says, without those given by rule. */
  labels: labelsSchema,
  status: z.enum(['accepted', 'revoked']),
  enrolledAt: z.iso.datetime(),
  lastSeenAt: z.iso.datetime().optional(),
  site: z.string().optional(),
  cluster: z.string().optional(),
  role: z.enum(['server', 'agent']),
  updaterVersion: z.string().optional(),
  current: installedReleaseSchema.optional(),
  counterFloor: z.number(),
  phase: devicePhaseSchema.optional(),
  acknowledgedThrough: z.number(),
});
export type DeviceView = z.infer<typeof deviceViewSchema>;

export const devicePageSchema = z.object({
  devices: z.array(deviceViewSchema),
  /** Give it as `after` to read on; absent on the last page. */
  next: deviceIdSchema.optional(),
});

/** One device with what is shown of one alone. */
export const deviceDetailSchema = deviceViewSchema.extend({
  /** Manifests that failed on it, as it said last. */
  rejected: z.array(digestSchema),
  /** The latest, newest first. */
  reports: z.array(reportSchema),
});
export type DeviceDetail = z.infer<typeof deviceDetailSchema>;

export const deviceStandingSchema = z.object({ id: deviceIdSchema, status: z.enum(['revoked', 'forgotten']) });
export type DeviceStanding = z.infer<typeof deviceStandingSchema>;

export function viewOf(device: DeviceRecord): DeviceView {
  const { id, product, platform, labels, status, role, counterFloor, acknowledgedThrough } = device;
  return {
    ...{ id, product, platform, labels, status, role },
    enrolledAt: new Date(device.enrolledAt).toISOString(),
    counterFloor,
    acknowledgedThrough,
    ...(device.lastSeenAt === undefined ? {} : { lastSeenAt: new Date(device.lastSeenAt).toISOString() }),
    ...(device.site === undefined ? {} : { site: device.site }),
    ...(device.cluster === undefined ? {} : { cluster: device.cluster }),
    ...(device.updaterVersion === undefined ? {} : { updaterVersion: device.updaterVersion }),
    ...(device.current === undefined ? {} : { current: device.current }),
    ...(device.phase === undefined ? {} : { phase: device.phase }),
  };
}

const reportsShown = 50;

/** Undefined when the device is unknown. */
export async function detailOf(
  fleet: Pick<DeviceStore, 'findDevice' | 'listReports'>,
  id: string,
): Promise<DeviceDetail | undefined> {
  const device = await fleet.findDevice(id);
  if (!device) return undefined;
  return { ...viewOf(device), rejected: [...device.rejected], reports: await fleet.listReports(id, reportsShown) };
}
