/**
 * Parses the practice of a rollout: what a Rollout may say for itself and a Fleet for all that say nothing. Nearer
 * words win, value by value; windows and checks are replaced as a whole.
 */
import * as z from 'zod';
import { type OriginRequirement, originRequirements } from '../../contract/release/origin.ts';
import { byteSizeSchema } from './byte-size.ts';
import { durationSchema } from './duration.ts';
import { type Abort, abortOf, abortSchema, defaultAbort, defaultGate, type Gate, gateOf, gateSchema } from './gate.ts';
import { type Window, windowOf, windowsSchema } from './window.ts';

/** How many devices may be in the middle of an update at once. */
export interface Concurrency {
  /** Of one site; undefined for as many as there are. */
  readonly perSite: number | undefined;
  readonly serversPerCluster: number;
  /** Of a cluster's agents; a percentage is rounded down, one at least. */
  readonly agentsPerCluster: { readonly count: number } | { readonly percent: number };
}

/** Bytes that the devices of one campaign may move in any period of this length. */
export interface Budget {
  readonly bytes: number;
  readonly perSeconds: number;
}

export interface Practice {
  readonly gate: Gate;
  readonly abort: Abort;
  readonly concurrency: Concurrency;
  /** Empty: always open. */
  readonly windows: readonly Window[];
  /** How long before a window opens a device may be offered the release, to download it. */
  readonly downloadAheadSeconds: number;
  readonly budget: Budget | undefined;
  /** An attempt without a result for so long no longer counts as under way. */
  readonly deviceTimeoutSeconds: number;
  /** What a release has to say about where it is from; absent for nothing. */
  readonly require?: readonly OriginRequirement[];
}

export const defaultPractice: Practice = {
  gate: defaultGate,
  abort: defaultAbort,
  concurrency: { perSite: undefined, serversPerCluster: 1, agentsPerCluster: { percent: 10 } },
  windows: [],
  downloadAheadSeconds: 0,
  budget: undefined,
  deviceTimeoutSeconds: 2 * 3600,
};

const atOnceSchema = z.number().int().min(1, 'expected one at least');

const agentsSchema = z.union([
  atOnceSchema,
  z
    .string()
    .regex(/^\d{1,3}(\.\d+)?%$/, 'expected a number of agents or a percentage such as "10%"')
    .refine(
      (text) => Number.parseFloat(text) > 0 && Number.parseFloat(text) <= 100,
      'expected more than 0% and at most 100%',
    ),
]);

export const practiceShape = {
  gate: gateSchema.optional(),
  abort: abortSchema.optional(),
  concurrency: z
    .strictObject({
      perSite: atOnceSchema.optional(),
      serversPerCluster: atOnceSchema.optional(),
      agentsPerCluster: agentsSchema.optional(),
    })
    .optional(),
  windows: windowsSchema.optional(),
  downloadAhead: durationSchema.optional(),
  budget: z
    .strictObject({
      bytes: byteSizeSchema,
      per: durationSchema.refine((seconds) => seconds > 0, 'expected a period above 0s'),
    })
    .optional(),
  deviceTimeout: durationSchema.refine((seconds) => seconds > 0, 'expected a time above 0s').optional(),
  require: z
    .array(z.enum(originRequirements))
    .max(originRequirements.length)
    .describe('What a release has to bring along before it is offered; default: nothing.')
    .optional(),
};
export const practiceSchema = z.strictObject(practiceShape);
type DeclaredPractice = z.output<typeof practiceSchema>;

/** What is declared, over `base`. */
export function practiceOf(base: Practice, declared: DeclaredPractice): Practice {
  const { gate, abort, concurrency = {}, windows, downloadAhead, budget, deviceTimeout } = declared;
  const required = originRequirements.filter((each) => (declared.require ?? base.require ?? []).includes(each));
  const { perSite, serversPerCluster, agentsPerCluster } = concurrency;
  return {
    gate: gateOf(base.gate, gate),
    abort: abortOf(base.abort, abort),
    concurrency: {
      perSite: perSite ?? base.concurrency.perSite,
      serversPerCluster: serversPerCluster ?? base.concurrency.serversPerCluster,
      agentsPerCluster: agentsPerCluster === undefined ? base.concurrency.agentsPerCluster : agentsOf(agentsPerCluster),
    },
    windows: windows?.map(windowOf) ?? base.windows,
    downloadAheadSeconds: downloadAhead ?? base.downloadAheadSeconds,
    budget: budget ? { bytes: budget.bytes, perSeconds: budget.per } : base.budget,
    deviceTimeoutSeconds: deviceTimeout ?? base.deviceTimeoutSeconds,
    // A plan that requires nothing is the same plan as before there was anything to require.
    ...(required.length === 0 ? {} : { require: required }),
  };
}

function agentsOf(declared: z.output<typeof agentsSchema>): Concurrency['agentsPerCluster'] {
  return typeof declared === 'number' ? { count: declared } : { percent: Number.parseFloat(declared) };
}
