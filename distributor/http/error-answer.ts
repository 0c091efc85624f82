/** Turns every failure into an answer: `{code, message, hint, requestId}` with the status that the code has. */
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { hasZodFastifySchemaValidationErrors, isResponseSerializationError } from 'fastify-type-provider-zod';
import { SlipwayError, toSlipwayError } from '../../contract/errors.ts';
import { describeWithProblems } from '../declaration/problem.ts';
import { logWhenClosed, noteForLog } from './answer-log.ts';
import { KnownPaths } from './known-paths.ts';

/** Seconds that a client waits at least after an answer that names no time of its own. */
const retryAfterSeconds = 30;

/** Call it before the routes are made. */
export function answerErrors(app: FastifyInstance): void {
  const paths = new KnownPaths();
  app.addHook('onRoute', ({ url, method }) => paths.add(url, [method].flat()));
  app.setErrorHandler((thrown, request, reply) => {
    const { error, status } = classify(thrown);
    noteForLog(request, { code: error.code, reason: error.message, ...(status >= 500 ? { err: thrown } : {}) });
    return sendError(request, reply, error, status);
  });
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?')[0] ?? '';
    const methods = paths.methodsOf(path);
    if (methods.length === 0) {
      const error = new SlipwayError('not-found', `${request.method} ${path} does not exist here`, {
        hint: 'The routes are listed in /openapi.json.',
      });
      return sendError(request, reply, error, 404);
    }
    const allow = methods.join(', ');
    reply.header('allow', allow);
    const error = new SlipwayError('method-not-allowed', `${request.method} is not possible here`, {
      hint: `Use ${allow}.`,
    });
    return sendError(request, reply, error, 405);
  });
}

/** Of a request that the framework refused before any hook ran: a URL that is none, or longer than any route has. */
export function answerFrameworkError(thrown: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const { error, status } = classify(thrown);
  logWhenClosed(request, reply);
  noteForLog(request, { code: error.code, reason: error.message });
  void sendError(request, reply.header('x-request-id', request.id), error, status);
}

/** A body of the documented shape. What goes wrong inside is for the log, not for the client. */
export function bodyOfError(error: SlipwayError, requestId: string): object {
  const isInternal = error.code === 'internal';
  const body = isInternal ? { code: error.code, message: 'internal error' } : describeWithProblems(error);
  return { ...body, requestId };
}

/**
 * Bytes that are no request of HTTP: they reach no application, so the answer is written straight to the connection.
 */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket, requestId: string): void {
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) {
    socket.destroy(error);
    return;
  }
  const { status, message } = parserFailures[error.code ?? ''] ?? {
    status: 400,
    message: 'this is no request of HTTP',
  };
  const body = JSON.stringify(bodyOfError(new SlipwayError('usage', message), requestId));
  const fields = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    `x-request-id: ${requestId}`,
    'cache-control: no-store',
    'connection: close',
  ];
  socket.end(`${fields.join('\r\n')}\r\n\r\n${body}`);
}

const parserFailures: Readonly<Record<string, { readonly status: number; readonly message: string }>> = {
  HPE_HEADER_OVERFLOW: { status: 431, message: 'the header fields are too large' },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: { status: 413, message: 'the chunk extensions are too large' },
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, message: 'the request did not arrive in time' },
};

/** What Node would answer without a body (RFC 9110, 10.1.1). */
export function answerExpectation(response: ServerResponse<IncomingMessage>, requestId: string): void {
  const error = new SlipwayError('usage', 'expected no Expect field but 100-continue');
  const body = JSON.stringify(bodyOfError(error, requestId));
  response.writeHead(417, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    'x-request-id': requestId,
  });
  response.end(body);
}

function sendError(request: FastifyRequest, reply: FastifyReply, error: SlipwayError, status: number): FastifyReply {
  if ((status === 503 || status === 429) && !reply.hasHeader('retry-after')) {
    reply.header('retry-after', retryAfterSeconds);
  }
  if (status === 401) reply.header('www-authenticate', 'Bearer realm="slipway"');
  for (const field of ['content-length', 'content-range', 'etag', 'accept-ranges']) {
    if (status !== 416 || field !== 'content-range') reply.removeHeader(field);
  }
  return reply
    .code(status)
    .header('cache-control', 'no-store')
    .type('application/json; charset=utf-8')
    .serializer(JSON.stringify)
    .send(bodyOfError(error, request.id));
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
    const hint = statusCode === 415 ? { hint: 'Send JSON as application/json.' } : {};
    return {
      error: new SlipwayError(statusCode === 404 ? 'not-found' : 'usage', message ?? '', hint),
      status: statusCode,
    };
  }
  return { error: toSlipwayError(thrown), status: 500 };
}
