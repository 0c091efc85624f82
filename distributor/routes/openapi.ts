/**
 * `/openapi.json`: this API, made from the schemas that the routes themselves use. Adds what holds for all of them: how
 * failures are answered, which of them can come, and a name for each operation.
 */
import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger';
import { jsonSchemaTransform } from 'fastify-type-provider-zod';
import * as z from 'zod';
import type { App } from '../app.ts';

const tags = [
  { name: 'artifacts', description: 'What devices download: metadata, release manifests and blobs.' },
  { name: 'devices', description: 'Devices enrol, ask and report; operators look at them.' },
  { name: 'rollouts', description: 'Where rollouts stand, and a person’s word on them.' },
  { name: 'plan', description: 'The declarations in force, and where they came from.' },
  { name: 'tokens', description: 'What devices enrol with, and what people and CI ask with.' },
  { name: 'events', description: 'The audit log: every decision of people and of the distributor.' },
  { name: 'operations', description: 'Whether the server is alive, ready and well.' },
];

const failureSchema = {
  type: 'object' as const,
  required: ['code', 'message', 'requestId'],
  properties: {
    code: { type: 'string' as const, description: 'One of a closed list; see contract/errors.md. Programs use it.' },
    message: { type: 'string' as const, description: 'What was expected and what was found, for people.' },
    hint: { type: 'string' as const, description: 'What to do next.' },
    requestId: { type: 'string' as const, description: 'The same as in the log of the server and in x-request-id.' },
  },
};

/** What each status means, whatever the route. */
const failures = {
  400: 'The request does not fit its schema.',
  401: 'No valid token.',
  403: 'The token does not allow it, or the device was revoked.',
  404: 'There is no such thing.',
  409: 'It does not fit the state that the thing is in.',
  413: 'The body is too large.',
  415: 'The body is of a type that is not read here.',
  429: 'Too many requests of this caller; Retry-After says when to ask again.',
  503: 'The database or the store is away, or there is too much to do; Retry-After says when to ask again.',
} as const;
type FailureStatus = keyof typeof failures;

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
    tags,
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'A token of slipway-distributor token or of a device.' },
      },
      schemas: { Failure: failureSchema },
    },
  },
  transform: jsonSchemaTransform,
  transformObject: (made) => ('openapiObject' in made ? complete(made.openapiObject) : made.swaggerObject),
};

export function openapiRoute(app: App): void {
  app.get(
    '/openapi.json',
    {
      schema: {
        tags: ['operations'],
        summary: 'This document',
        response: { 200: z.looseObject({ openapi: z.string() }) },
      },
    },
    async (_request, reply) => reply.send(app.swagger() as { openapi: string }),
  );
}

/** Of answers that are no JSON made from a schema. */
const contentTypes: Readonly<Record<string, string>> = {
  '/metrics': 'text/plain',
  '/v1/blobs/sha256/{digest}': 'application/octet-stream',
  '/v1/events/stream': 'text/event-stream',
  '/v1/metadata/{*}': 'application/json',
  '/v1/targets/{*}': 'application/json',
};

const methods = ['get', 'put', 'post', 'delete', 'patch'] as const;

interface Operation {
  operationId?: string;
  security?: unknown[];
  parameters?: unknown[];
  requestBody?: unknown;
  responses?: Record<string, unknown>;
}

function complete<D extends object>(document: D): D {
  for (const [path, item] of Object.entries(asDocument(document).paths ?? {})) {
    for (const method of methods) {
      const operation = item?.[method];
      if (!operation) continue;
      operation.operationId ??= nameOf(method, path);
      operation.security ??= [];
      const responses: Record<string, unknown> = operation.responses ?? {};
      operation.responses = responses;
      describeSuccess(path, responses);
      for (const status of failuresOf(path, operation)) responses[status] ??= failure(status);
    }
  }
  return document;
}

function asDocument(document: { paths?: Record<string, Partial<Record<string, Operation>>> } | object) {
  return document as { paths?: Record<string, Partial<Record<string, Operation>>> };
}

function describeSuccess(path: string, responses: Record<string, unknown>): void {
  for (const [status, response] of Object.entries(responses) as [
    string,
    { description?: string; content?: object },
  ][]) {
    if (response.description === 'Default Response') response.description = status === '201' ? 'Made.' : 'Done.';
    const type = contentTypes[path];
    if (type !== undefined) response.content ??= { [type]: {} };
  }
}

function failuresOf(path: string, { security, parameters, requestBody }: Operation): FailureStatus[] {
  const takesInput = requestBody !== undefined || (parameters ?? []).length > 0;
  const found: [boolean, FailureStatus[]][] = [
    [takesInput, [400]],
    [(security ?? []).length > 0, [401, 403]],
    [path.includes('{'), [404]],
    [requestBody !== undefined, [409, 413, 415]],
    [path.startsWith('/v1/'), [429, 503]],
  ];
  return found.flatMap(([holds, statuses]) => (holds ? statuses : []));
}

function failure(status: FailureStatus) {
  const schema = { $ref: '#/components/schemas/Failure' };
  return { description: failures[status], content: { 'application/json': { schema } } };
}

/** `getDevicesIdWhy`: unique, because a method and a path are. */
function nameOf(method: string, path: string): string {
  const words = path
    .replace(/^\/v1/, '')
    .split(/[^A-Za-z0-9]+/)
    .filter((word) => word !== '');
  return method + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
}
