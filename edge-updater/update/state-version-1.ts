/**
 * Reads and writes version 1 of the state in a journal, for updaters that know no other. It is strict, so that one
 * member or code more makes them lose the whole. It never changes. Each record holds the state in this form beside the
 * present one.
 */
import * as z from 'zod';
import { type DevicePhase, installedReleaseSchema } from '../../contract/device-api/check.ts';
import { reportSchemaVersion1, transferSchema, updateOutcomeSchema } from '../../contract/device-api/report.ts';
import { codeInVersion1 } from '../../contract/device-api/version-1.ts';
import { digestSchema } from '../../contract/digest.ts';
import { type ErrorCode, errorCodes, type Fault, isKnownInVersion1 } from '../../contract/errors.ts';
import { versionSchema } from '../../contract/release/version.ts';
import { reportForOlderServer } from './older-server.ts';
import type { DeviceState, FinishedAttempt } from './state.ts';

const errorCodeSchema = z.enum(Object.keys(errorCodes).filter(isKnownInVersion1) as [ErrorCode, ...ErrorCode[]]);

const sourceSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('server'), rollout: z.string().max(253) }),
  z.strictObject({ kind: z.literal('bundle') }),
  z.strictObject({ kind: z.literal('operator') }),
]);

const attemptSchema = z.strictObject({
  id: z.string().min(1).max(64),
  source: sourceSchema,
  release: installedReleaseSchema,
  isTimed: z.literal(true).optional(),
  startedAt: z.iso.datetime(),
  transfer: transferSchema,
  failedSources: z.array(digestSchema),
  notes: z.array(z.string().max(300)).max(16),
  interruptions: z.number().int().min(0),
  setbacks: z.number().int().min(0),
  durableBytes: z.number().int().min(0),
});

const failureSchema = z.strictObject({
  code: errorCodeSchema.optional(),
  message: z.string().max(1500),
});

const underWay = <P extends DevicePhase>(phase: P) =>
  z.strictObject({ phase: z.literal(phase), attempt: attemptSchema });

const updateStateSchema = z.discriminatedUnion('phase', [
  z.strictObject({ phase: z.literal('idle') }),
  underWay('downloading'),
  underWay('rebuilding'),
  underWay('staged'),
  underWay('switching'),
  underWay('probation'),
  underWay('committed'),
  underWay('rolling-back').extend({ failure: failureSchema }),
  underWay('rolled-back').extend({ failure: failureSchema }),
]);

const finishedAttemptSchema = z.strictObject({
  id: z.string(),
  source: sourceSchema,
  version: versionSchema,
  manifestSha256: digestSchema,
  outcome: updateOutcomeSchema,
  code: errorCodeSchema.optional(),
  message: z.string().max(2000).optional(),
  transfer: transferSchema,
  startedAt: z.iso.datetime(),
  endedAt: z.iso.datetime(),
});

const rejectionSchema = z.strictObject({
  manifestSha256: digestSchema,
  version: versionSchema,
  code: errorCodeSchema.optional(),
  at: z.iso.datetime(),
});

export const deviceStateSchemaVersion1 = z.strictObject({
  schemaVersion: z.literal(1),
  current: installedReleaseSchema.optional(),
  previous: installedReleaseSchema.optional(),
  counterFloor: z.number().int().min(0),
  rejected: z.array(rejectionSchema).max(64),
  failures: z.array(z.strictObject({ manifestSha256: digestSchema, count: z.number().int().min(1) })).max(64),
  ready: digestSchema.optional(),
  usedPermits: z.array(z.string().max(64)).max(64).optional(),
  outbox: z.array(reportSchemaVersion1).max(64),
  nextSequence: z.number().int().min(1).max(Number.MAX_SAFE_INTEGER),
  lastAttempt: finishedAttemptSchema.optional(),
  lastRefusal: z.strictObject({ version: versionSchema, code: errorCodeSchema }).optional(),
  update: updateStateSchema,
});
type DeviceStateVersion1 = z.infer<typeof deviceStateSchemaVersion1>;

/** The state as an older updater would have written it; what it has no words for is left out. */
export function stateInVersion1(state: DeviceState): DeviceStateVersion1 {
  const { current, previous, counterFloor, ready, usedPermits, nextSequence, lastAttempt, lastRefusal } = state;
  return {
    schemaVersion: 1,
    current,
    previous,
    counterFloor,
    rejected: state.rejected.map((rejection) => withCodeOfVersion1(rejection, 'release')),
    failures: [],
    ready,
    usedPermits,
    outbox: state.outbox.map(reportForOlderServer),
    nextSequence,
    ...(lastAttempt ? { lastAttempt: lastAttemptOf(lastAttempt) } : {}),
    ...(lastRefusal ? { lastRefusal: lastRefusalOf(lastRefusal) } : {}),
    update: updateOf(state.update),
  };
}

/** A repair and an undo are no attempts that version 1 knows. At rest it is right: the links say which release runs. */
function updateOf(update: DeviceState['update']): DeviceStateVersion1['update'] {
  if (update.phase === 'idle') return update;
  const { source, isFinal: _, countedBoot: __, ...rest } = update.attempt;
  if (source.kind === 'repair' || source.kind === 'undo') return { phase: 'idle' };
  const attempt = { ...rest, source };
  if (!('failure' in update)) return { ...update, attempt };
  return { ...update, attempt, failure: withCodeOfVersion1(update.failure) };
}

function lastRefusalOf({ version, code }: NonNullable<DeviceState['lastRefusal']>): DeviceStateVersion1['lastRefusal'] {
  return { version, code: codeInVersion1(code) };
}

function lastAttemptOf(ended: FinishedAttempt): DeviceStateVersion1['lastAttempt'] {
  const { source } = ended;
  const isKnown = source.kind !== 'repair' && source.kind !== 'undo';
  return { ...withCodeOfVersion1(ended), source: isKnown ? source : { kind: 'operator' } };
}

/** @param fault of a code that is not known here */
function withCodeOfVersion1<T extends { readonly code?: string | undefined }>(said: T, fault?: Fault) {
  const { code, ...rest } = said;
  return { ...rest, ...(code === undefined ? {} : { code: codeInVersion1(code, fault) }) };
}
