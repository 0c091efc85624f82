/** Defines labels of devices, as Kubernetes has them, for selectors. */
import * as z from 'zod';
import { isSafeguardLabel, safeguardPrefix } from './safeguards.ts';

/** However many: what is shown of a device may be of several givers. */
export const shownLabelsSchema = z.record(
  z.string().regex(/^[A-Za-z0-9]([A-Za-z0-9._/-]{0,251}[A-Za-z0-9])?$/),
  z.string().max(63),
);
export type Labels = z.infer<typeof shownLabelsSchema>;

/** What one giver says: at most 64. */
export const labelsSchema = shownLabelsSchema.refine(
  (labels) => Object.keys(labels).length <= 64,
  'expected 64 labels at most',
);

/** What a person gives: the labels of safeguards are the box's own word. */
export const givenLabelsSchema = labelsSchema.refine(
  (labels) => !Object.keys(labels).some(isSafeguardLabel),
  `labels under ${safeguardPrefix} are reserved for what a box tells of itself`,
);
