/** Parses a `Group`: a named subset of the fleet, by label selector. */
import * as z from 'zod';
import { apiVersion, metadataSchema } from './object-name.ts';
import { type Selector, selectorOf, selectorSchema } from './selector.ts';

export interface Group {
  readonly name: string;
  readonly selector: Selector;
}

export const groupDocumentSchema = z.strictObject({
  apiVersion: z.literal(apiVersion),
  kind: z.literal('Group'),
  metadata: metadataSchema,
  spec: z.strictObject({ selector: selectorSchema }),
});

export function groupOf({ metadata, spec }: z.output<typeof groupDocumentSchema>): Group {
  return { name: metadata.name, selector: selectorOf(spec.selector) };
}
