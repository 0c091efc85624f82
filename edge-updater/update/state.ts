/**
 * Defines what a device knows about itself, as the journal keeps it: its releases, the update under way and the reports
 * that no server has acknowledged yet. It passes over members and codes that it does not know, so that a journal
 * outlives the updater that wrote it. It holds no behaviour; transition.ts and recover.ts change it.
 */
import * as z from 'zod';
import { type DevicePhase, installedReleaseSchema as strictReleaseSchema } from '../../contract/device-api/check.ts';
import {
  codeNameSchema,
  reportSchema,
  transferSchema as strictTransferSchema,
  updateOutcomeSchema,
} from '../../contract/device-api/report.ts';
import { digestSchema } from '../../contract/digest.ts';
import { versionSchema } from '../../contract/release/version.ts';

const installedReleaseSchema = strictReleaseSchema.strip();
const transferSchema = strictTransferSchema.strip();

/**
 * Why an attempt began: an offer of a server, a bundle that a person brought, an operator who wants the old one back,
 * files of the running release that are damaged, an operator who takes a rollback back.
 */
const sourceSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('server'), rollout: z.string().max(253) }),
  z.object({ kind: z.literal('bundle') }),
  z.object({ kind: z.literal('operator') }),
  z.object({ kind: z.literal('repair') }),
  z.object({ kind: z.literal('undo') }),
]);
export type UpdateSource = z.infer<typeof sourceSchema>;

const attemptSchema = z.object({
  /** Shared by all reports of this attempt. */
  id: z.string().min(1).max(64),
  source: sourceSchema,
  release: installedReleaseSchema,
  /** The server named a window: the switch begins only inside one that it named to this very process. */
  isTimed: z.literal(true).optional(),
  /** The release says that no device goes back from it by itself (`onRollback: refuse`). */
  isFinal: z.literal(true).optional(),
  startedAt: z.iso.datetime(),
  transfer: transferSchema,
  /** Digests of delta blobs and of installed files that did not give the component they promised. */
  failedSources: z.array(digestSchema),
  /** What an operator should know although the update went on; each at most 300 characters. */
  notes: z.array(z.string().max(300)).max(16),
  /** How often a restart found this attempt in its present phase without having moved on. */
  interruptions: z.number().int().min(0),
  /** How often it fell back to an earlier phase; never cleared, so that no way round is endless. */
  setbacks: z.number().int().min(0),
  /** The boot that was counted before the unit of an adopted box started in it. */
  countedBoot: z.string().max(64).optional(),
  /** Durable bytes that the last interruption found. */
  durableBytes: z.number().int().min(0),
});
export type Attempt = z.infer<typeof attemptSchema>;

/** Why an update ends on the release it started from. */
const failureSchema = z.object({
  /** Absent where an operator asked for it. */
  code: codeNameSchema.optional(),
  message: z.string().max(1500),
});
export type Failure = z.infer<typeof failureSchema>;

const underWay = <P extends DevicePhase>(phase: P) => z.object({ phase: z.literal(phase), attempt: attemptSchema });

/** One variant for each of contract devicePhases, with what it needs. */
const updateStateSchema = z.discriminatedUnion('phase', [
  z.object({ phase: z.literal('idle') }),
  underWay('downloading'),
  underWay('rebuilding'),
  underWay('staged'),
  underWay('switching'),
  underWay('probation'),
  underWay('committed'),
  underWay('rolling-back').extend({ failure: failureSchema }),
  underWay('rolled-back').extend({ failure: failureSchema }),
]);
export type UpdateState = z.infer<typeof updateStateSchema>;

const finishedAttemptSchema = z.object({
  id: z.string(),
  source: sourceSchema,
  version: versionSchema,
  manifestSha256: digestSchema,
  outcome: updateOutcomeSchema,
  code: codeNameSchema.optional(),
  message: z.string().max(2000).optional(),
  transfer: transferSchema,
  startedAt: z.iso.datetime(),
  endedAt: z.iso.datetime(),
});
export type FinishedAttempt = z.infer<typeof finishedAttemptSchema>;

const rejectionSchema = z.object({
  manifestSha256: digestSchema,
  version: versionSchema,
  code: codeNameSchema.optional(),
  at: z.iso.datetime(),
});

const heldSchema = z.object({
  manifestSha256: digestSchema,
  version: versionSchema,
  /** Of the last try, as is the message. */
  code: codeNameSchema,
  message: z.string().max(1500),
  /** Tries in a row that cost something: bytes over the network, or a switch. */
  count: z.number().int().min(0),
  /** When the device first had this trouble with it. */
  since: z.iso.datetime(),
  /** End of the last try. */
  at: z.iso.datetime(),
  /** When it is tried again, by the device's own clock; absent: at the next check that offers it. */
  notBefore: z.iso.datetime().optional(),
});
export type Held = z.infer<typeof heldSchema>;

const setAsideSchema = z.object({
  release: installedReleaseSchema,
  /** When the device was back on the release before. */
  at: z.iso.datetime(),
});

const strandedSchema = z.object({
  /** The release that was left and whose data the current one cannot live with; its copy is kept. */
  left: digestSchema.optional(),
  message: z.string().max(1500),
  since: z.iso.datetime(),
  /** Tries to start over, each later than the one before. */
  tries: z.number().int().min(0),
  /** By the device's own clock. */
  notBefore: z.iso.datetime(),
});

export const deviceStateSchema = z.object({
  /** Of the updater that wrote it; see state-version-1.ts. */
  schemaVersion: z.number().int().min(1),
  /** The release that was committed last; absent before the first. */
  current: installedReleaseSchema.optional(),
  /** The one before it, kept to go back to. */
  previous: installedReleaseSchema.optional(),
  /** Highest counter ever committed here; no release at or below it is accepted. */
  counterFloor: z.number().int().min(0),
  /** Releases that are not tried again unless told so; newest last. */
  rejected: z.array(rejectionSchema).max(64),
  /** Releases that are tried again by themselves, newest last; the trouble is the device's or the path's. */
  held: z.array(heldSchema).max(64).default([]),
  /** A finished slot that the server took its offer back for; kept, so that the same offer costs nothing later. */
  ready: digestSchema.optional(),
  /** Manifests that may be installed at the counter floor itself: nothing stands against them any more. */
  known: z.array(digestSchema).max(64).default([]),
  /** Ids of permits that this device went back by, newest last: each works once. */
  usedPermits: z.array(z.string().max(64)).max(64).optional(),
  /** The release that the last rollback left and whose data lies aside: its slot is kept, so that the rollback can be undone. */
  setAside: setAsideSchema.optional(),
  /** Present while this device can neither go forward nor back by itself; see stranded.ts. */
  stranded: strandedSchema.optional(),
  /** Reports without an acknowledgement, in order of their sequence. */
  outbox: z.array(reportSchema).max(64),
  nextSequence: z.number().int().min(1).max(Number.MAX_SAFE_INTEGER),
  lastAttempt: finishedAttemptSchema.optional(),
  /** The last offer that was refused before an attempt began, so that it is reported once to each rollout. */
  lastRefusal: z
    .object({ version: versionSchema, code: codeNameSchema, rollout: z.string().max(253).optional() })
    .optional(),
  update: updateStateSchema,
});
export type DeviceState = z.infer<typeof deviceStateSchema>;

/** A device that was never installed to. */
export const blankState: DeviceState = {
  schemaVersion: 2,
  counterFloor: 0,
  rejected: [],
  held: [],
  known: [],
  outbox: [],
  nextSequence: 1,
  update: { phase: 'idle' },
};

export function attemptOf(update: UpdateState): Attempt | undefined {
  return update.phase === 'idle' ? undefined : update.attempt;
}
