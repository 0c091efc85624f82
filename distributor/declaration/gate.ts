/** Parses what a wave must show before the next one opens, and what stops a rollout, as people declare it. */
import * as z from 'zod';
import { durationSchema } from './duration.ts';

const comparisonOperators = ['<', '<=', '>', '>=', '==', '!='] as const;
export type ComparisonOperator = (typeof comparisonOperators)[number];

/** A check of the user's own: it passes, fails, or cannot be asked. */
export type GateCheck =
  | {
      readonly name: string;
      /** The instant query must give at least one sample, and every sample must compare as `op value`. */
      readonly prometheus: {
        readonly url: string;
        readonly query: string;
        readonly op: ComparisonOperator;
        readonly value: number;
      };
    }
  | { readonly name: string; readonly http: { readonly url: string; readonly status: number } };

export interface Gate {
  /** Of the devices reached; above 0, at most 100. */
  readonly successPercent: number;
  /** Devices with a result that the wave needs, or all of its members where it has fewer. */
  readonly minSample: number;
  /**
   * The failure rate must be below 100 - successPercent with this confidence, and stops the rollout when it is above
   * abort.failurePercent with it; 50 to below 100. Undefined: the numbers count as they are.
   */
  readonly confidencePercent: number | undefined;
  /** A gate that does not hold for so long after the soak pauses the rollout. */
  readonly stallAfterSeconds: number;
  readonly checks: readonly GateCheck[];
}

export interface Abort {
  /** Of the devices reached; above 0, at most 100. */
  readonly failurePercent: number;
  readonly minFailures: number;
  /** Send devices that have the release back to the one before. */
  readonly revert: boolean;
}

export const defaultGate: Gate = {
  successPercent: 95,
  minSample: 1,
  stallAfterSeconds: 7 * 86_400,
  checks: [],
  confidencePercent: undefined,
};
export const defaultAbort: Abort = { failurePercent: 5, minFailures: 3, revert: false };

/** Above 0, at most 100. */
export const percentSchema = z.number().gt(0, 'expected a percentage above 0').max(100, 'expected 100 at most');

const urlSchema = z
  .url({ protocol: /^https?$/, error: 'expected a URL that begins with http:// or https://' })
  .max(2048)
  .refine((url) => !hasCredentials(url), 'a URL with a user name or password does not belong into Git');
const checkNameSchema = z.string().min(1).max(63);

const checkSchema = z.union(
  [
    z.strictObject({
      name: checkNameSchema,
      prometheus: z.strictObject({
        url: urlSchema,
        query: z.string().min(1).max(4096),
        op: z.enum(comparisonOperators),
        value: z.number(),
      }),
    }),
    z.strictObject({
      name: checkNameSchema,
      http: z.strictObject({ url: urlSchema, status: z.number().int().min(100).max(599).default(200) }),
    }),
  ],
  { error: 'expected a check with a name and either prometheus: {url, query, op, value} or http: {url, status}' },
);

/** Answers are told apart by the names of their checks. */
const checksSchema = z
  .array(checkSchema)
  .max(16)
  .superRefine((checks, context) => {
    const names = new Set<string>();
    for (const [index, { name }] of checks.entries()) {
      if (names.size < names.add(name).size) continue;
      const params = { fix: 'Give each check a name of its own.' };
      context.addIssue({ code: 'custom', path: [index, 'name'], message: `duplicate check name ${name}`, params });
    }
  });

/** `95` and `0.95` mean the same; `off` takes back what was declared farther away. */
const confidenceSchema = z.union([z.literal('off'), z.number().gte(50).lt(100), z.number().gte(0.5).lt(1)], {
  error: 'expected a confidence such as 95 or 0.95, or off',
});

export const gateSchema = z.strictObject({
  successPercent: percentSchema.optional(),
  minSample: z.number().int().min(1).optional(),
  confidence: confidenceSchema.optional(),
  stallAfter: durationSchema.optional(),
  checks: checksSchema.optional(),
});

export const abortSchema = z.strictObject({
  failurePercent: percentSchema.optional(),
  minFailures: z.number().int().min(1).optional(),
  revert: z.boolean().optional(),
});

/** Later ones win, value by value. */
export function gateOf(base: Gate, ...declared: readonly (z.output<typeof gateSchema> | undefined)[]): Gate {
  return declared.reduce<Gate>(
    (gate, { successPercent, minSample, confidence, stallAfter, checks } = {}) => ({
      successPercent: successPercent ?? gate.successPercent,
      minSample: minSample ?? gate.minSample,
      confidencePercent: confidence === undefined ? gate.confidencePercent : confidencePercentOf(confidence),
      stallAfterSeconds: stallAfter ?? gate.stallAfterSeconds,
      checks: checks ?? gate.checks,
    }),
    base,
  );
}

function confidencePercentOf(confidence: z.output<typeof confidenceSchema>): number | undefined {
  if (confidence === 'off') return undefined;
  return confidence < 1 ? Math.round(confidence * 1e6) / 1e4 : confidence;
}

/** Later ones win, value by value. */
export function abortOf(base: Abort, ...declared: readonly (z.output<typeof abortSchema> | undefined)[]): Abort {
  return declared.reduce<Abort>(
    (abort, { failurePercent, minFailures, revert } = {}) => ({
      failurePercent: failurePercent ?? abort.failurePercent,
      minFailures: minFailures ?? abort.minFailures,
      revert: revert ?? abort.revert,
    }),
    base,
  );
}

function hasCredentials(url: string): boolean {
  try {
    const { username, password } = new URL(url);
    return username !== '' || password !== '';
  } catch {
    return false;
  }
}
