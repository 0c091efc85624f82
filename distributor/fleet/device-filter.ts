/** Filters a list of devices: the query of the API, the options of `device ls`, and the devices that they choose. */
import * as z from 'zod';
import { devicePhaseSchema, type Labels } from '../../contract/device-api/check.ts';
import { updateOutcomes } from '../../contract/device-api/report.ts';
import { safeguardLabelsOf } from '../../contract/device-api/safeguards.ts';
import { durationSeconds } from '../declaration/duration.ts';
import type { DeviceView } from './view.ts';

const labelSchema = z
  .string()
  .max(400)
  .regex(/^[^=!]+!?=.*$/s, 'expected key=value or key!=value')
  .describe('key=value or key!=value; several hold together');
const instantPattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/;

/** As it is written on the command line and in a query; every part given holds. */
export const deviceQuerySchema = z.object({
  /** Of the labels that selectors see. `key!=value` also holds for devices without the key. */
  label: z.union([labelSchema, z.array(labelSchema).max(64)]).optional(),
  /** Name of the wave that a device is in. */
  wave: z.string().max(253).optional(),
  /** Of the last report, or of what runs where nothing was reported yet. */
  version: z.string().max(256).optional(),
  /** Of the last report, or of the last check where nothing was reported yet. */
  phase: devicePhaseSchema.optional(),
  /** Of the last report; `none` for one without, and for no report. */
  outcome: z.enum([...updateOutcomes, 'none']).optional(),
  /** Not heard of since then, or for so long. */
  silentSince: z
    .string()
    .max(64)
    .refine(isMoment, 'expected a duration such as 2h or a time such as 2026-12-24T00:00:00Z')
    .describe('a duration such as 2h, or a time such as 2026-12-24T00:00:00Z')
    .optional(),
});
export type DeviceQuery = z.infer<typeof deviceQuerySchema>;

type DeviceFilter = (device: DeviceView) => boolean;

/**
 * Undefined where every device is asked for.
 * @param now what durations end at, milliseconds since 1970 @param labelsFromDevice see Fleet
 */
export function deviceFilter(query: DeviceQuery, now: number, labelsFromDevice = true): DeviceFilter | undefined {
  const { label = [], wave, version, phase, outcome, silentSince } = query;
  const conditions = [label].flat().map(conditionOf);
  const silent = silentSince === undefined ? undefined : momentOf(silentSince, now);
  if (conditions.length === 0 && Object.values(query).every((part) => part === undefined)) return undefined;
  return (device) => {
    const { lastReport: report } = device;
    const own = labelsFromDevice ? device.labels : safeguardLabelsOf(device.labels);
    const labels: Labels = { ...own, ...device.givenLabels, ...device.labelsByRule };
    return (
      conditions.every((holds) => holds(labels)) &&
      (wave === undefined || device.wave?.name === wave) &&
      (version === undefined || (report?.version ?? device.current?.version) === version) &&
      (phase === undefined || (report?.phase ?? device.phase) === phase) &&
      (outcome === undefined || (report?.outcome ?? 'none') === outcome) &&
      (silent === undefined || Date.parse(device.lastSeenAt ?? device.enrolledAt) < silent)
    );
  };
}

function conditionOf(text: string): (labels: Labels) => boolean {
  const at = text.indexOf('=');
  const isNot = text[at - 1] === '!';
  const [key, value] = [text.slice(0, isNot ? at - 1 : at), text.slice(at + 1)];
  return (labels) => ((Object.hasOwn(labels, key) ? labels[key] : undefined) === value) !== isNot;
}

function isMoment(text: string): boolean {
  return Number.isFinite(momentOf(text, 0));
}

/** NaN of a text that is neither a duration nor an instant. */
function momentOf(text: string, now: number): number {
  return instantPattern.test(text) ? Date.parse(text) : now - durationSeconds(text) * 1000;
}
