/** Describes an event of the audit log as the API answers it and the command line prints it. */
import * as z from 'zod';
import { deviceIdSchema } from '../../contract/device-api/device-id.ts';
import { printable } from '../../system/command-line/printable.ts';
import { instantText } from '../../system/command-line/times.ts';
import type { RecordedEvent } from './ports.ts';

export const eventViewSchema = z.object({
  /** Grows; give the last one seen as `after` to read on. */
  id: z.number().int(),
  at: z.iso.datetime(),
  /** Who decided; see AuditEvent: `rollouts`, `alice@example.org via https://…`, `token ci-main (<id>)`, `command line …`. */
  actor: z.string(),
  /** See GET /v1/events/kinds for all of them; a newer server may have more. */
  kind: z.string(),
  rollout: z.string().optional(),
  version: z.string().optional(),
  deviceId: deviceIdSchema.optional(),
  reason: z.string(),
  facts: z.record(z.string(), z.union([z.string(), z.number()])).optional(),
});
export type EventView = z.infer<typeof eventViewSchema>;

export function eventViewOf({
  id,
  at,
  actor,
  kind,
  rollout,
  version,
  deviceId,
  reason,
  facts,
}: RecordedEvent): EventView {
  return {
    id,
    at: new Date(at).toISOString(),
    actor,
    kind,
    rollout,
    version,
    deviceId,
    reason,
    ...(facts === undefined ? {} : { facts: { ...facts } }),
  };
}

export const eventPageSchema = z.object({
  events: z.array(eventViewSchema),
  /** Give it as `after` to read on, now or when more has happened. */
  next: z.number().int(),
  /** More was recorded already. */
  more: z.boolean(),
});
export type EventPageView = z.infer<typeof eventPageSchema>;

/** What a reader wants of the log; every condition that is given holds. */
export interface EventFilter {
  readonly rollout?: string | undefined;
  readonly kind?: string | undefined;
  readonly deviceId?: string | undefined;
}

export function passes(
  event: Pick<RecordedEvent, 'rollout' | 'kind' | 'deviceId'>,
  { rollout, kind, deviceId }: EventFilter,
): boolean {
  if (rollout !== undefined && event.rollout !== rollout) return false;
  if (kind !== undefined && event.kind !== kind) return false;
  return deviceId === undefined || event.deviceId === deviceId;
}

const aboutWidth = 28;

/** One line: when, id, kind, what it is about, who, why. */
export function lineOf(event: EventView): string {
  const about = [event.rollout, event.version, event.deviceId].filter((part) => part !== undefined).join(' ') || '-';
  const head = `${instantText(event.at)}  ${String(event.id).padStart(6)}  ${event.kind.padEnd(16)}`;
  return `${head}  ${about.padEnd(aboutWidth)}  ${printable(event.reason)} (${printable(event.actor)})`;
}
