/**
 * Parses label selectors as Kubernetes has them (labels and selectors, set-based requirements), and tells which labels
 * they select.
 */
import * as z from 'zod';
import type { Labels } from '../../contract/device-api/check.ts';
import { isSafeguardLabel, safeguardLabelKeys } from '../../contract/device-api/safeguards.ts';

const selectorOperators = ['In', 'NotIn', 'Exists', 'DoesNotExist'] as const;
type SelectorOperator = (typeof selectorOperators)[number];

export interface LabelRequirement {
  readonly key: string;
  readonly operator: SelectorOperator;
  /** At least one for In and NotIn, none for Exists and DoesNotExist. */
  readonly values: readonly string[];
}

/** All conditions hold together; one without any selects everything. */
export interface Selector {
  readonly matchLabels: Labels;
  readonly matchExpressions: readonly LabelRequirement[];
}

export const labelKeySchema = z
  .string()
  .regex(/^[A-Za-z0-9]([A-Za-z0-9._/-]{0,251}[A-Za-z0-9])?$/, 'expected a label key such as region or slipway.io/site')
  // NotIn would hold for every box where the key is misspelt.
  .refine(
    (key) => !isSafeguardLabel(key) || safeguardLabelKeys.includes(key),
    `expected one of ${safeguardLabelKeys.join(', ')}`,
  );
export const labelValueSchema = z.string().max(63, 'expected 63 characters at most');

const requirementSchema = z
  .strictObject({
    key: labelKeySchema,
    operator: z.enum(selectorOperators),
    values: z.array(labelValueSchema).max(1000).optional(),
  })
  .superRefine(({ operator, values = [] }, context) => {
    const needsValues = operator === 'In' || operator === 'NotIn';
    if (needsValues === values.length > 0) return;
    const message = needsValues ? `${operator} needs one value at least` : `${operator} takes no values`;
    const fix = needsValues ? 'List the values under values.' : 'Remove values.';
    context.addIssue({ code: 'custom', path: ['values'], message, params: { fix } });
  });

/** The two conditions of a selector, for schemas that have others beside them. */
export const selectorShape = {
  matchLabels: z.record(labelKeySchema, labelValueSchema).optional(),
  matchExpressions: z.array(requirementSchema).max(64).optional(),
};
export const selectorSchema = z.strictObject(selectorShape);

export function selectorOf({ matchLabels = {}, matchExpressions = [] }: z.output<typeof selectorSchema>): Selector {
  return {
    matchLabels,
    matchExpressions: matchExpressions.map(({ key, operator, values = [] }) => ({ key, operator, values })),
  };
}

/** NotIn holds for labels without the key, as in Kubernetes. */
export function selects({ matchLabels, matchExpressions }: Selector, labels: Labels): boolean {
  for (const key in matchLabels) if (labelOf(labels, key) !== matchLabels[key]) return false;
  return matchExpressions.every((requirement) => holds(requirement, labelOf(labels, requirement.key)));
}

function holds({ operator, values }: LabelRequirement, value: string | undefined): boolean {
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    default:
      return operator satisfies never;
  }
}

/** A key such as `constructor` is no label unless the device says so. */
function labelOf(labels: Labels, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined;
}
