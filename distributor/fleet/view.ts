/** Describes a device as the API answers it and the command line prints it. */
import * as z from 'zod';
import { boxSchema } from '../../contract/device-api/box.ts';
import {
  deviceIdSchema,
  devicePhaseSchema,
  installedReleaseSchema,
  troubleSchema,
} from '../../contract/device-api/check.ts';
import { labelsSchema, shownLabelsSchema } from '../../contract/device-api/labels.ts';
import { reportSchema } from '../../contract/device-api/report.ts';
import { deviceKeyIdOf } from '../../contract/device-api/signed-request.ts';
import { digestSchema } from '../../contract/digest.ts';
import { platformSchema } from '../../contract/release/platform.ts';
import { conditionViewOf, heldBySchema, lastReportSchema, withFault } from './condition.ts';
import { sharedSince } from './identity/machine-watch.ts';
import type { DeviceProfile, DeviceStore } from './ports.ts';

export const deviceViewSchema = z.object({
  id: deviceIdSchema,
  product: z.string(),
  platform: platformSchema,
  /** As the device says, without those given by rule. */
  labels: shownLabelsSchema,
  /** Given with its token or by the server, over its own; absent for none. */
  givenLabels: labelsSchema.optional(),
  /** Those that rules of the fleet give it, over its own; absent where none does, and of one device alone. */
  labelsByRule: labelsSchema.optional(),
  status: z.enum(['pending', 'accepted', 'rejected', 'revoked']),
  /** When two machines were found to ask as this device; the later one is refused. */
  identitySharedAt: z.iso.datetime().optional(),
  /** SHA-256 of its key; absent while it has a long bearer. */
  keyId: z.string().optional(),
  enrolledAt: z.iso.datetime(),
  lastSeenAt: z.iso.datetime().optional(),
  /** Where it counts as a neighbour of others; absent where no rule vouches for it. */
  site: z.string().optional(),
  cluster: z.string().optional(),
  role: z.enum(['server', 'agent']),
  updaterVersion: z.string().optional(),
  current: installedReleaseSchema.optional(),
  counterFloor: z.number(),
  /** As it said in its last check. */
  phase: devicePhaseSchema.optional(),
  acknowledgedThrough: z.number(),
  /** The rollout that decides about it, or offered it something last, and its wave; absent of one device alone. */
  wave: z.object({ rollout: z.string(), name: z.string().optional() }).optional(),
  /** Its K3s or K0s as its updater found it; absent where that does not tell. */
  box: boxSchema.optional(),
  /** In its way at its last check, the worst first; absent where its updater does not tell. */
  troubles: z.array(troubleSchema).optional(),
  /** Absent before the first. */
  lastReport: lastReportSchema.optional(),
  /** Absent where nothing is known to hold it. */
  heldBy: heldBySchema.optional(),
});
export type DeviceView = z.infer<typeof deviceViewSchema>;

export const devicePageSchema = z.object({
  devices: z.array(deviceViewSchema),
  /** Give it as `after` to read on; absent on the last page. A page before may have few devices, or none. */
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

export const deviceStandingSchema = z.object({
  id: deviceIdSchema,
  status: z.enum(['accepted', 'rejected', 'revoked', 'forgotten']),
});
export type DeviceStanding = z.infer<typeof deviceStandingSchema>;

export const labelledDeviceSchema = z.object({
  id: deviceIdSchema,
  /** All that it was given, over its own. */
  givenLabels: labelsSchema,
});
export type LabelledDevice = z.infer<typeof labelledDeviceSchema>;

export function deviceViewOf(device: DeviceProfile): DeviceView {
  const { id, product, platform, labels, status, role, counterFloor, acknowledgedThrough } = device;
  return {
    id,
    product,
    platform,
    labels,
    ...(Object.keys(device.givenLabels).length === 0 ? {} : { givenLabels: device.givenLabels }),
    status,
    ...sharedSince(device.watch),
    ...(device.publicKey === undefined ? {} : { keyId: deviceKeyIdOf(device.publicKey) }),
    role,
    enrolledAt: new Date(device.enrolledAt).toISOString(),
    counterFloor,
    acknowledgedThrough,
    ...(device.lastSeenAt === undefined ? {} : { lastSeenAt: new Date(device.lastSeenAt).toISOString() }),
    site: device.site,
    cluster: device.cluster,
    updaterVersion: device.updaterVersion,
    current: device.current,
    phase: device.phase,
    box: device.box,
    ...conditionViewOf(device),
  };
}

const reportsShown = 50;

/** Undefined when the device is unknown. */
export async function detailOf(
  fleet: Pick<DeviceStore, 'findProfile' | 'listReports'>,
  id: string,
): Promise<DeviceDetail | undefined> {
  const device = await fleet.findProfile(id);
  if (!device) return undefined;
  const reports = (await fleet.listReports(id, reportsShown)).map(withFault);
  return { ...deviceViewOf(device), rejected: [...device.rejected], reports };
}
