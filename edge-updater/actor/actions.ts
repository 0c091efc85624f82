/**
 * Lists what the actor of an adopted box can be asked for, and nothing else: which box it is, where its files lie and what
 * may be done with them is the actor's own knowledge. A request names a release by its digest and a copy by its attempt.
 */
import * as z from 'zod';
import { digestSchema } from '../../contract/digest.ts';
import { type ErrorCode, errorCodes } from '../../contract/errors.ts';
import { distributionNames, payloadSchema } from '../../contract/release/distribution.ts';
import { versionSchema } from '../../contract/release/version.ts';
import { boxRoles, datastores } from '../box/box.ts';
import { outcomes, steps } from '../health/evidence.ts';

/** No part of a path can be in it. */
const attempt = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'expected an id of an attempt');
const ways = z.strictObject({ from: digestSchema, to: digestSchema });
const snapshot = z.strictObject({ attempt, takenAt: z.iso.datetime() });

const lease = z.strictObject({ renewTime: z.string().max(100), seenAt: z.number(), isRenewed: z.boolean() });
const question = z.strictObject({
  stated: z.object({ name: z.enum(distributionNames), version: versionSchema }).optional(),
  lease: lease.optional(),
});

const codes = Object.keys(errorCodes) as [ErrorCode, ...ErrorCode[]];
const count = z.number().int().min(0);
const text = z.string();

const box = z.strictObject({
  distribution: z.enum(distributionNames),
  role: z.enum(boxRoles),
  ...{ unit: text, program: text, dataDir: text },
  version: versionSchema.optional(),
  payload: text.optional(),
  nodeName: text.optional(),
  datastore: z.strictObject({ kind: z.enum(datastores), members: count.optional() }),
  configuration: z.array(text).readonly().optional(),
});

const boxReading = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('box'), box }),
  z.strictObject({ kind: z.literal('none') }),
  z.strictObject({ kind: z.literal('refused'), code: z.enum(codes), message: text }),
]);

const facts = z.strictObject({
  ...{ box, now: z.number(), serverVersion: versionSchema.optional() },
  certificates: z.array(z.strictObject({ file: text, notBefore: z.number(), notAfter: z.number() })).readonly(),
  dropIns: z.array(z.strictObject({ path: text, text })).readonly(),
  requestedApis: z
    .array(z.strictObject({ name: text, removedIn: text }))
    .readonly()
    .optional(),
  processes: z.array(z.array(text).readonly()).readonly(),
  autopilot: text.optional(),
  availableBytes: count.optional(),
});

const look = z.strictObject({
  steps: z
    .array(z.strictObject({ step: z.enum(steps), outcome: z.enum(outcomes), saw: text }))
    .max(steps.length)
    .readonly(),
  lease: lease.optional(),
});

const setMeasure = z.strictObject({ bytes: count, databaseBytes: count, logBytes: count });
const nothing = z.void();

/** `takesTurns`: what touches the data is done one after the other, in the order in which it was asked for. */
export const actions = {
  'read-box': { asks: z.undefined(), answers: boxReading, takesTurns: false },
  'look-at-health': { asks: question, answers: look.optional(), takesTurns: false },
  'wait-for': { asks: question, answers: text.optional(), takesTurns: false },
  'look-at-facts': { asks: z.strictObject({ now: z.number() }), answers: facts, takesTurns: false },
  'tell-owner': { asks: z.undefined(), answers: digestSchema.optional(), takesTurns: true },
  claim: { asks: digestSchema, answers: nothing, takesTurns: true },
  measure: {
    asks: z.undefined(),
    answers: setMeasure.extend({ freeBytes: count, aside: setMeasure }),
    takesTurns: true,
  },
  'take-snapshot': {
    asks: z.strictObject({ passage: ways.extend({ attempt }), takenAt: z.iso.datetime() }),
    answers: nothing,
    takesTurns: true,
  },
  'find-snapshot': { asks: ways, answers: snapshot.optional(), takesTurns: true },
  'put-back': { asks: snapshot, answers: nothing, takesTurns: true },
  'find-set-aside': {
    asks: z.undefined(),
    answers: z.strictObject({ release: digestSchema }).optional(),
    takesTurns: true,
  },
  'bring-back': {
    asks: z.strictObject({ passage: ways.extend({ attempt }), takenAt: z.iso.datetime() }),
    answers: nothing,
    takesTurns: true,
  },
  'put-links-back': { asks: snapshot, answers: nothing, takesTurns: true },
  'finish-exchange': { asks: z.undefined(), answers: nothing, takesTurns: true },
  'prune-snapshots': { asks: z.array(ways).max(8), answers: nothing, takesTurns: true },
  'save-datastore': {
    // An updater of before names no attempt.
    asks: z.strictObject({ attempt }).optional(),
    answers: z.strictObject({ file: text, bytes: count }).optional(),
    takesTurns: true,
  },
  'tell-room-for-payload': {
    asks: z.strictObject({ payload: payloadSchema, programBytes: count }),
    answers: count,
    takesTurns: true,
  },
  'unpack-payload': {
    asks: z.strictObject({ release: digestSchema, payload: payloadSchema }),
    answers: nothing,
    takesTurns: true,
  },
  'link-payload': { asks: payloadSchema, answers: nothing, takesTurns: true },
  'settle-payload': { asks: z.undefined(), answers: nothing, takesTurns: true },
  'prune-payloads': { asks: z.array(payloadSchema).max(64), answers: nothing, takesTurns: true },
} as const satisfies Record<string, { asks: z.ZodType; answers: z.ZodType; takesTurns: boolean }>;

export type ActionName = keyof typeof actions;
export const actionNames = Object.keys(actions) as [ActionName, ...ActionName[]];
export type Asked<A extends ActionName> = z.infer<(typeof actions)[A]['asks']>;
export type Answered<A extends ActionName> = z.infer<(typeof actions)[A]['answers']>;

/** What does each action; a missing one does not compile. */
export type Actions = {
  readonly [A in ActionName]: (asked: Asked<A>, signal: AbortSignal) => Promise<Answered<A>>;
};

/** Of a question with the end of its line. */
export const maxLineBytes = 64 * 1024;
/** Of an answer; the largest has the arguments of all processes. */
export const maxAnswerBytes = 4 * 1024 * 1024;

/** One line of JSON; `asked` is judged by the schema of the action. */
export const requestSchema = z.strictObject({ action: z.enum(actionNames), asked: z.unknown().optional() });

/** One line of JSON; `answer` is judged by the schema of the action. */
export const answerSchema = z.union([
  z.strictObject({ answer: z.unknown().optional() }),
  z.strictObject({ error: z.strictObject({ code: z.enum(codes), message: text, hint: text.optional() }) }),
]);
