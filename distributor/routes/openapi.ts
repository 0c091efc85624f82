/** `/openapi.json` describes this API, made from the schemas that the routes themselves use. */
import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger';
import { createJsonSchemaTransform, createJsonSchemaTransformObject } from 'fastify-type-provider-zod';
import type { App } from '../http/fastify-app.ts';
import { completeDocument, failureSchema } from './openapi-document.ts';
import { openapiDocumentSchema, schemaNames } from './schema-names.ts';

const tags = [
  { name: 'artifacts', description: 'What devices download: metadata, release manifests and blobs.' },
  { name: 'devices', description: 'Devices enrol, ask and report; operators look at them.' },
  { name: 'rollouts', description: 'Where rollouts stand, and a person’s word on them.' },
  { name: 'plan', description: 'The declarations in force, and where they came from.' },
  { name: 'tokens', description: 'What devices enrol with, and what people and CI ask with.' },
  { name: 'events', description: 'The audit log: every decision of people and of the distributor.' },
  { name: 'operations', description: 'Whether the server is alive, ready and well.' },
];

const transform = createJsonSchemaTransform({ schemaRegistry: schemaNames });
const addSchemas = createJsonSchemaTransformObject({ schemaRegistry: schemaNames });

/** A route may take the rest of a path by `*`; a document has no such parameter, so there it has a name. */
const withNamedWildcard: typeof transform = (input) => {
  const { schema, url } = transform(input);
  if (!url.endsWith('/*')) return { schema, url };
  const { '*': rest } = (schema.params as { properties: Record<string, object> }).properties;
  const described = { ...rest, description: 'The rest of the path; it may hold slashes.' };
  const params = { type: 'object', properties: { path: described }, required: ['path'] };
  return { schema: { ...schema, params }, url: url.replace(/\*$/, ':path') };
};

export const openapiOptions: FastifyDynamicSwaggerOptions = {
  openapi: {
    openapi: '3.1.0',
    info: {
      title: 'Slipway distributor',
      version: '1',
      description:
        'Releases, devices and rollouts. Every failure is answered as Failure, with a code from a closed list.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/', description: 'This server.' }],
    tags,
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'A token of slipway-distributor token or of a device.' },
      },
      schemas: { Failure: failureSchema },
    },
  },
  transform: withNamedWildcard,
  transformObject: (made) => ('openapiObject' in made ? completeDocument(addSchemas(made)) : made.swaggerObject),
};

export function openapiRoute(app: App): void {
  app.get(
    '/openapi.json',
    {
      schema: {
        operationId: 'getOpenApi',
        tags: ['operations'],
        summary: 'This document',
        response: { 200: openapiDocumentSchema },
      },
    },
    async (_request, reply) => reply.send(app.swagger() as { openapi: string }),
  );
}
