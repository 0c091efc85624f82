/** How every failure becomes an answer: `{code, message, hint, requestId}` with the status that the code has. */
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { hasZodFastifySchemaValidationErrors, isResponseSerializationError } from 'fastify-type-provider-zod';
import { SlipwayError, toSlipwayError } from '../../contract/errors.ts';
import { describeWithProblems } from '../declaration/problem.ts';

/** Seconds that a client waits at least after an answer that names no time of its own. */
const retryAfterSeconds = 30;

export function answerErrors(app: FastifyInstance): void {
  app.setErrorHandler((thrown, request, reply) => {
    const { error, status } = classify(thrown);
    if (status >= 500) request.log.error({ err: thrown, code: error.code }, error.message);
    else request.log.info({ code: error.code }, error.message);
    return sendError(request, reply, error, status);
  });
  app.setNotFoundHandler((request, reply) => {
    const error = new SlipwayError('not-found', `${request.method} ${request.url} does not exist here`, {
      hint: 'The routes are listed in /openapi.json.',
    });
    return sendError(request, reply, error, 404);
  });
}

function sendError(request: FastifyRequest, reply: FastifyReply, error: SlipwayError, status: number): FastifyReply {
  if ((status === 503 || status === 429) && !reply.hasHeader('retry-after')) {
    reply.header('retry-after', retryAfterSeconds);
  }
  if (status === 401) reply.header('www-authenticate', 'Bearer realm="slipway"');
  for (const field of ['content-length', 'content-range', 'etag', 'accept-ranges']) {
    if (status !== 416 || field !== 'content-range') reply.removeHeader(field);
  }
  // What goes wrong inside is for the log, not for whoever asks.
  const isInternal = error.code === 'internal';
  const body = isInternal ? { code: error.code, message: 'internal error' } : describeWithProblems(error);
  return reply
    .code(status)
    .header('cache-control', 'no-store')
    .type('application/json; charset=utf-8')
    .serializer(JSON.stringify)
    .send({ ...body, requestId: request.id });
}

function classify(thrown: unknown): { error: SlipwayError; status: number } {
  if (hasZodFastifySchemaValidationErrors(thrown)) {
    const problems = thrown.validation.map((problem) => `${problem.instancePath || '/'} ${problem.message ?? ''}`);
    const error = new SlipwayError('usage', `the request does not fit: ${problems.slice(0, 5).join('; ')}`, {
      hint: 'The schemas are in /openapi.json.',
    });
    return { error, status: 400 };
  }
  if (isResponseSerializationError(thrown)) return { error: toSlipwayError(thrown), status: 500 };
  if (thrown instanceof SlipwayError) return { error: thrown, status: thrown.httpStatus };
  const { statusCode, message } = thrown as Partial<FastifyError>;
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return { error: new SlipwayError(statusCode === 404 ? 'not-found' : 'usage', message ?? ''), status: statusCode };
  }
  return { error: toSlipwayError(thrown), status: 500 };
}
