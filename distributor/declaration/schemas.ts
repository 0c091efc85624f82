/** Makes JSON Schemas of what people write, for editors, from the schemas that documents are parsed by. */
import * as z from 'zod';
import { documentSchemas, type Kind } from './read-documents.ts';

export const schemaKinds = Object.keys(documentSchemas) as Kind[];

/** Where the published files are found by an editor. */
export type JsonSchema = Readonly<Record<string, unknown>>;

const dialect = 'http://json-schema.org/draft-07/schema#';

/** Of one kind, or of a file that holds documents of every kind. */
export function jsonSchemaOf(kind: Kind | undefined): JsonSchema {
  if (kind !== undefined) return { $schema: dialect, title: `Slipway ${kind}`, ...bare(kind) };
  return {
    $schema: dialect,
    title: 'Slipway declaration',
    type: 'object',
    required: ['apiVersion', 'kind'],
    properties: { apiVersion: { const: 'slipway/v1' }, kind: { enum: schemaKinds } },
    // Not oneOf: an editor then names the mistake in the document of this kind, not that no kind fits.
    allOf: schemaKinds.map((name) => ({
      if: { required: ['kind'], properties: { kind: { const: name } } },
      // biome-ignore lint/suspicious/noThenProperty: a word of JSON Schema
      then: bare(name),
    })),
  };
}

/** Name of the published file: `rollout.schema.json`, `declaration.schema.json` for every kind. */
export function schemaFileName(kind: Kind | undefined): string {
  return `${kind?.toLowerCase() ?? 'declaration'}.schema.json`;
}

/** What a person may write, not what it is turned into. */
function bare(kind: Kind): JsonSchema {
  const { $schema: _, ...schema } = z.toJSONSchema(documentSchemas[kind], { io: 'input', target: 'draft-7' });
  return schema;
}
