/**
 * Logs one line for each answer, when it was sent or its client left: what was asked, what became of it, how long it
 * took.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { App } from './fastify-app.ts';

/** What a route or a failure adds to the line of its request. */
interface LogNote {
  /** Instead of `answered`. */
  readonly msg?: string;
  readonly [name: string]: unknown;
}

const notes = new WeakMap<FastifyRequest, LogNote>();

export function noteForLog(request: FastifyRequest, note: LogNote): void {
  notes.set(request, { ...notes.get(request), ...note });
}

export function logAnswers(app: App): void {
  app.addHook('onRequest', (request, reply, next) => {
    logWhenClosed(request, reply);
    next();
  });
}

/** Also for what is answered before any hook runs. */
export function logWhenClosed(request: FastifyRequest, reply: FastifyReply): void {
  const startedAt = performance.now();
  request.log.debug({ method: request.method, url: request.url, from: request.ip }, 'incoming request');
  reply.raw.once('close', () => {
    const { msg = 'answered', ...note } = notes.get(request) ?? {};
    const status = reply.raw.statusCode;
    const line = {
      method: request.method,
      url: request.url,
      status,
      from: request.ip,
      ms: Math.round((performance.now() - startedAt) * 10) / 10,
      ...(reply.raw.writableFinished ? {} : { left: true }),
      ...note,
    };
    // An answer that had begun well and broke off says so by its code.
    if (status >= 500 || (status < 400 && note.code !== undefined)) request.log.error(line, msg);
    else request.log.info(line, msg);
  });
}
