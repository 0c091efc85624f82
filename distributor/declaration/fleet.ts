/**
 * Parses a `Fleet`, which holds for all devices: labels given by rule, which labels say where a device stands, and
 * defaults of rollouts.
 */
import * as z from 'zod';
import type { Labels } from '../../contract/device-api/check.ts';
import { isSafeguardLabel, safeguardPrefix } from '../../contract/device-api/safeguards.ts';
import { limits } from '../../contract/limits.ts';
import { durationSchema } from './duration.ts';
import { apiVersion, metadataSchema } from './object-name.ts';
import { defaultPractice, type Practice, practiceOf, practiceSchema } from './practice.ts';
import { labelKeySchema, labelValueSchema, type Selector, selectorOf, selectorShape } from './selector.ts';

/** Rules apply in order: later ones win over earlier ones, and all of them over what the device says of itself. */
export interface LabelRule {
  readonly when: Selector & {
    /** Device ids, `*` for any characters; one of them matches. Empty: every id. */
    readonly ids: readonly string[];
  };
  readonly set: Labels;
}

/** Keys of the labels that say where a device stands, and whose word on it counts. */
export interface LabelKeys {
  readonly site: string;
  readonly cluster: string;
  /** Its value is `server` or `agent`; a device without it is a server. */
  readonly role: string;
  /**
   * A device holds up others of the site and cluster that it claims for itself; else only of those that a rule gives.
   */
  readonly fromDevice: boolean;
}

export interface Fleet {
  readonly name: string;
  readonly labels: readonly LabelRule[];
  readonly keys: LabelKeys;
  /**
   * Whether labels that a device says of itself count; else only those of tokens, of the server and of rules do. Absent in
   * plans that an older server kept: they count.
   */
  readonly labelsFromDevice?: boolean;
  /** Asked of devices with each answer; undefined leaves it to them. */
  readonly pollSeconds: number | undefined;
  /** For rollouts that say nothing. */
  readonly defaults: Practice;
}

export const defaultFleet: Fleet = {
  name: 'fleet',
  labels: [],
  keys: {
    site: 'slipway.io/site',
    cluster: 'slipway.io/cluster',
    role: 'slipway.io/role',
    fromDevice: false,
  },
  labelsFromDevice: true,
  pollSeconds: undefined,
  defaults: defaultPractice,
};

const idGlobSchema = z.string().regex(/^[A-Za-z0-9._*-]{1,63}$/, 'expected a device id, * for any characters');

const labelRuleSchema = z.strictObject({
  when: z
    .strictObject({
      ids: z.array(idGlobSchema).min(1, 'expected one id at least').max(1000).optional(),
      ...selectorShape,
    })
    .default({}),
  set: z
    .record(labelKeySchema, labelValueSchema)
    .refine((set) => Object.keys(set).length > 0, 'expected one label at least')
    .refine(
      (set) => !Object.keys(set).some(isSafeguardLabel),
      `labels under ${safeguardPrefix} are reserved for what a box tells of itself`,
    ),
});

const pollSchema = durationSchema.refine(
  (seconds) => seconds >= limits.minPollSeconds && seconds <= limits.maxPollSeconds,
  `expected ${limits.minPollSeconds}s at least and ${limits.maxPollSeconds / 3600}h at most`,
);

export const fleetDocumentSchema = z.strictObject({
  apiVersion: z.literal(apiVersion),
  kind: z.literal('Fleet'),
  metadata: metadataSchema,
  spec: z
    .strictObject({
      labels: z.array(labelRuleSchema).max(1000).optional(),
      keys: z
        .strictObject({
          site: labelKeySchema.optional(),
          cluster: labelKeySchema.optional(),
          role: labelKeySchema.optional(),
          fromDevice: z
            .boolean()
            .describe('Whether a device that claims a site or cluster for itself holds up others there; default false.')
            .optional(),
        })
        .optional(),
      labelsFromDevice: z
        .boolean()
        .describe(
          'Whether labels that devices say of themselves count; default true. Else those of tokens, of device label and of rules alone do.',
        )
        .optional(),
      poll: pollSchema.optional(),
      defaults: practiceSchema.optional(),
    })
    .default({}),
});

export function fleetOf({ metadata, spec }: z.output<typeof fleetDocumentSchema>): Fleet {
  const { labels = [], keys = {}, labelsFromDevice = true, poll, defaults = {} } = spec;
  return {
    name: metadata.name,
    labels: labels.map(({ when: { ids = [], ...selector }, set }) => ({ when: { ids, ...selectorOf(selector) }, set })),
    keys: {
      site: keys.site ?? defaultFleet.keys.site,
      cluster: keys.cluster ?? defaultFleet.keys.cluster,
      role: keys.role ?? defaultFleet.keys.role,
      fromDevice: keys.fromDevice ?? defaultFleet.keys.fromDevice,
    },
    labelsFromDevice,
    pollSeconds: poll,
    defaults: practiceOf(defaultPractice, defaults),
  };
}
