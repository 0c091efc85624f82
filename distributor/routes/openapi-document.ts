/**
 * Completes the API's document with what holds for every operation: how failures are answered and which of them can
 * come, and that each schema which is used has one name.
 */
import { nameUsedSchemas } from './used-schemas.ts';

export const failureSchema = {
  type: 'object' as const,
  required: ['code', 'message', 'requestId'],
  properties: {
    code: { type: 'string' as const, description: 'One of a closed list; see contract/errors.md. Programs use it.' },
    message: { type: 'string' as const, description: 'What was expected and what was found, for people.' },
    hint: { type: 'string' as const, description: 'What to do next.' },
    problems: {
      type: 'array' as const,
      description: 'Where the code is that of a plan: each mistake with its place.',
      items: { $ref: '#/components/schemas/PlanProblem' },
    },
    requestId: { type: 'string' as const, description: 'The same as in the log of the server and in x-request-id.' },
  },
};

/** What each status means, whatever the route. */
const failures = {
  400: 'The request is malformed, or does not fit its schema.',
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

/** Of answers that are no JSON made from a schema. */
const contentTypes: Readonly<Record<string, string>> = {
  '/metrics': 'text/plain',
  '/v1/blobs/sha256/{digest}': 'application/octet-stream',
  '/v1/events/stream': 'text/event-stream',
  '/v1/metadata/{path}': 'application/json',
  '/v1/targets/{path}': 'application/json',
};

const methods = ['get', 'head', 'put', 'post', 'delete', 'patch'] as const;

interface Operation {
  operationId?: string | undefined;
  security?: unknown[];
  requestBody?: unknown;
  responses?: Record<string, unknown>;
}

/** @returns the same document, with what no route says by itself */
export function completeDocument<D extends object>(document: D): D {
  for (const [path, item] of Object.entries(asDocument(document).paths ?? {})) {
    // One route answers both, and has one name.
    if (item.head) item.head = { ...item.head, operationId: item.head.operationId?.replace(/^get/, 'head') };
    for (const operation of methods.flatMap((method) => item[method] ?? [])) {
      operation.security ??= [];
      const responses: Record<string, unknown> = operation.responses ?? {};
      operation.responses = responses;
      describeSuccess(path, responses);
      for (const status of failuresOf(path, operation)) responses[status] ??= failure(status);
    }
  }
  nameUsedSchemas(document);
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

function failuresOf(path: string, { security, requestBody }: Operation): FailureStatus[] {
  const found: [boolean, FailureStatus[]][] = [
    [true, [400]],
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
