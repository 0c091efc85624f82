/**
 * Describes why a device does or does not update now, as the API answers it: the decision, and what each rollout says
 * and knows.
 */
import * as z from 'zod';
import { boxSchema } from '../../contract/device-api/box.ts';
import {
  deviceIdSchema,
  devicePhaseSchema,
  installedReleaseSchema,
  troubleSchema,
} from '../../contract/device-api/check.ts';
import { shownLabelsSchema } from '../../contract/device-api/labels.ts';
import { decisionReasonNames } from '../../contract/device-api/reasons.ts';
import { faults } from '../../contract/errors.ts';
import { heldBySchema, lastReportSchema } from '../fleet/condition.ts';
import { countsShape } from '../rollout/campaigns/counts-view.ts';

const instantSchema = z.iso.datetime();
const factsSchema = z.record(z.string(), z.union([z.string(), z.number()]));

const decisionSchema = z.object({
  kind: z.enum(['update', 'revert', 'none']),
  reason: z.enum(decisionReasonNames),
  /** The reason as a sentence. */
  meaning: z.string(),
  /** Names and numbers behind it. */
  facts: factsSchema,
  /** The answer may be another one from then on; absent where only an event changes it. */
  until: instantSchema.optional(),
  /** What happens next and when, one sentence. */
  next: z.string(),
});
export type DecisionView = z.infer<typeof decisionSchema>;

const conditionSchema = z.object({
  /** As people declare it: `region In [north, east]`. */
  condition: z.string(),
  holds: z.boolean(),
  /** The device's label; absent where it has none. */
  value: z.string().optional(),
});
export type ConditionView = z.infer<typeof conditionSchema>;

const peerSchema = z.object({
  id: deviceIdSchema,
  role: z.enum(['server', 'agent']),
  site: z.string().optional(),
  cluster: z.string().optional(),
  current: z.string().optional(),
  isUpdating: z.boolean(),
  lastSeenAt: instantSchema.optional(),
});

export const rolloutExplanationSchema = z.object({
  rollout: z.string(),
  version: z.string().optional(),
  priority: z.number(),
  decision: decisionSchema,
  /** The rollout that comes first and claims the device; absent where this one's word counts. */
  outrankedBy: z.string().optional(),
  /** Whether the group has the device, condition by condition; no name: every device of the product. */
  group: z.object({ name: z.string().optional(), includes: z.boolean(), conditions: z.array(conditionSchema) }),
  /** Absent while no wave has opened. */
  wave: z
    .object({
      /** The first open wave that covers the device; absent where none does. */
      coveredBy: z.string().optional(),
      /** The last one that opened, with the bound up to which it reaches and what its part of the devices did. */
      last: z.string(),
      boundPercent: z.number(),
      openedAt: instantSchema,
      ...countsShape,
      gate: z.string(),
      /** Enrolled after the wave opened: only a wave for everybody takes it in. */
      isLate: z.boolean(),
    })
    .optional(),
  /** Where the device stands on the line from 0 to 100 %. */
  placePercent: z.number(),
  /** Absent where it is always open. */
  window: z
    .object({
      isOpen: z.boolean(),
      timeZone: z.string(),
      opensAt: instantSchema.optional(),
      closesAt: instantSchema.optional(),
      /** The same two by the clock of the window's zone. */
      opensLocal: z.string().optional(),
      closesLocal: z.string().optional(),
      downloadAheadSeconds: z.number(),
    })
    .optional(),
  /** The way to the goal; absent where there is none to go. */
  path: z
    .object({ from: z.string().optional(), next: z.string().optional(), goal: z.string(), because: z.string() })
    .optional(),
  /** Devices of the same site or cluster that hold this one up. */
  waitsFor: z.array(peerSchema),
  budget: z
    .object({
      bytes: z.number(),
      perSeconds: z.number(),
      spentBytes: z.number(),
      openOffers: z.number(),
      meanBytes: z.number().optional(),
    })
    .optional(),
  /** What this device did with the campaign last. */
  attempt: z
    .object({
      offeredVersion: z.string(),
      /** Absent where it was never offered. */
      offeredAt: instantSchema.optional(),
      /** When a check showed that it runs the release already: it counts as committed. */
      foundAt: instantSchema.optional(),
      generation: z.number(),
      phase: devicePhaseSchema.optional(),
      outcome: z.string().optional(),
      code: z.string().optional(),
      /** Whose fault it was that the last try did not succeed. */
      fault: z.enum(faults).optional(),
      /** When the server learned of the outcome. */
      settledAt: instantSchema.optional(),
      lastSeenAt: instantSchema,
      revertedAt: instantSchema.optional(),
      bytesOnWire: z.number().optional(),
    })
    .optional(),
});
export type RolloutExplanation = z.infer<typeof rolloutExplanationSchema>;

export const whyViewSchema = z.object({
  device: z.object({
    id: deviceIdSchema,
    product: z.string(),
    platform: z.string(),
    /** What selectors see: its own labels and over them those given by rule. */
    labels: shownLabelsSchema,
    site: z.string().optional(),
    cluster: z.string().optional(),
    role: z.enum(['server', 'agent']),
    /**
     * Which of the two it claims for itself, so that it waits for others there and nobody waits for it; absent for
     * none.
     */
    claims: z.array(z.enum(['site', 'cluster'])).optional(),
    current: installedReleaseSchema.optional(),
    phase: devicePhaseSchema.optional(),
    updaterVersion: z.string().optional(),
    /** Its K3s or K0s at its last check; absent where its updater does not tell. */
    box: boxSchema.optional(),
    counterFloor: z.number(),
    /** Since then two machines ask as this device, and the later one is refused; absent where one does. */
    identitySharedAt: instantSchema.optional(),
    enrolledAt: instantSchema,
    lastSeenAt: instantSchema.optional(),
  }),
  /** In its way at its last check, the worst first; absent where its updater does not tell. */
  troubles: z.array(troubleSchema).optional(),
  /** Absent before the first. */
  lastReport: lastReportSchema.optional(),
  /** Absent where nothing is known to hold it; `decision.next` begins with it. */
  heldBy: heldBySchema.optional(),
  /** `never-asked`: it has not checked in yet · `revoked`: it is refused · `deciding`: `decision` is its answer. */
  state: z.enum(['deciding', 'never-asked', 'pending', 'rejected', 'revoked']),
  /** What it would be told if it asked now, by what it said last; absent unless deciding. */
  decision: decisionSchema.extend({ rollout: z.string().optional() }).optional(),
  askedAt: instantSchema,
  /** Of its product, the one whose word counts first. */
  rollouts: z.array(rolloutExplanationSchema),
});
export type WhyView = z.infer<typeof whyViewSchema>;
