/**
 * Describes what is in a device's way, by its own words: the troubles of its last check, and what its last report says.
 * Pure.
 */
import * as z from 'zod';
import { devicePhaseSchema, type Trouble } from '../../contract/device-api/check.ts';
import { codeNameSchema, faultSchema, type Report, updateOutcomeSchema } from '../../contract/device-api/report.ts';
import { faultOf } from '../../contract/errors.ts';
import type { DeviceProfile } from './ports.ts';

const maxShownMessage = 300;

/** The last report of a device. */
export const lastReportSchema = z.object({
  /** By the device's own clock. */
  at: z.iso.datetime(),
  /** Absent where no rollout of this server brought the release. */
  rollout: z.string().optional(),
  version: z.string(),
  phase: devicePhaseSchema,
  outcome: updateOutcomeSchema.optional(),
  code: codeNameSchema.optional(),
  fault: faultSchema.optional(),
  /** Cut at 300 characters. */
  message: z.string().optional(),
  /** By the device's own clock. */
  nextTryAt: z.iso.datetime().optional(),
});
type LastReport = z.infer<typeof lastReportSchema>;

/** Why a device does not get on. */
export const heldBySchema = z.object({
  fault: faultSchema,
  code: codeNameSchema,
  message: z.string().optional(),
  /** When the device tries again by itself, by its own clock; absent where it does not say. */
  nextTryAt: z.iso.datetime().optional(),
});
export type HeldBy = z.infer<typeof heldBySchema>;

export function lastReportOf(report: Report): LastReport {
  const { at, rollout, version, phase, outcome, code, fault, message, nextTryAt } = withFault(report);
  return {
    at,
    version,
    phase,
    ...(rollout === undefined ? {} : { rollout }),
    ...(outcome === undefined ? {} : { outcome }),
    ...(code === undefined ? {} : { code }),
    ...(fault === undefined ? {} : { fault }),
    ...(message === undefined ? {} : { message: message.slice(0, maxShownMessage) }),
    ...(nextTryAt === undefined ? {} : { nextTryAt }),
  };
}

/**
 * Whose fault the code of a report is, also where the device did not say or knows less of the code than this program.
 */
export function withFault(report: Report): Report {
  return report.code === undefined ? report : { ...report, fault: faultOf(report.code, report.fault) };
}

export function withFaults(troubles: readonly Trouble[]): Trouble[] {
  return troubles.map((trouble) => ({ ...trouble, fault: faultOf(trouble.code, trouble.fault) }));
}

/**
 * The worst trouble that it has now, or else what its last report ended or waits with. A result is out of date once the
 * device runs the release that it is about.
 */
export function holderOf(device: Pick<DeviceProfile, 'troubles' | 'lastReport' | 'current'>): HeldBy | undefined {
  const { troubles = [], lastReport: report, current } = device;
  const [worst] = withFaults(troubles);
  const last = report === undefined || isOver(report, current?.version) ? undefined : lastReportOf(report);
  const nextTry = last?.nextTryAt === undefined ? {} : { nextTryAt: last.nextTryAt };
  if (worst) return { fault: worst.fault, code: worst.code, message: worst.message, ...nextTry };
  if (last?.code === undefined || last.fault === undefined) return undefined;
  const { fault, code, message } = last;
  return { fault, code, ...(message === undefined ? {} : { message }), ...nextTry };
}

/** What is in the way of a device, as the API answers it. */
export function conditionViewOf(device: Pick<DeviceProfile, 'troubles' | 'lastReport' | 'current'>): {
  readonly troubles?: Trouble[];
  readonly lastReport?: LastReport;
  readonly heldBy?: HeldBy;
} {
  const { troubles, lastReport } = device;
  const held = holderOf(device);
  return {
    ...(troubles === undefined ? {} : { troubles: withFaults(troubles) }),
    ...(lastReport === undefined ? {} : { lastReport: lastReportOf(lastReport) }),
    ...(held === undefined ? {} : { heldBy: held }),
  };
}

function isOver({ outcome, version }: Report, runs: string | undefined): boolean {
  return outcome === 'committed' || (outcome !== undefined && version === runs);
}
