/**
 * Serves `/metrics` on an address of its own, in plain HTTP and without a token: who may reach it is a matter of the
 * network. It answers whatever the application is busy with, and knows no other path.
 */
import { createServer, type Server } from 'node:http';
import { SlipwayError } from '../../contract/errors.ts';
import { bodyOfError } from './error-answer.ts';
import type { Metrics } from './metrics.ts';

const headersTimeoutMs = 10_000;
const maxConnections = 32;

export function metricsServer({ registry }: Metrics, newRequestId: () => string): Server {
  const server = createServer(
    { headersTimeout: headersTimeoutMs, requestTimeout: headersTimeoutMs },
    async (request, reply) => {
      const path = request.url?.split('?')[0];
      const isRead = request.method === 'GET' || request.method === 'HEAD';
      if (path === '/metrics' && isRead) {
        reply.writeHead(200, { 'content-type': registry.contentType, 'cache-control': 'no-store' });
        reply.end(await registry.metrics());
        return;
      }
      const error =
        path === '/metrics'
          ? new SlipwayError('method-not-allowed', 'only GET and HEAD are possible here')
          : new SlipwayError('not-found', 'only /metrics exists here');
      const id = newRequestId();
      const allow = path === '/metrics' ? { allow: 'GET, HEAD' } : {};
      reply.writeHead(error.httpStatus, {
        'content-type': 'application/json; charset=utf-8',
        'x-request-id': id,
        ...allow,
      });
      reply.end(JSON.stringify(bodyOfError(error, id)));
    },
  );
  server.maxConnections = maxConnections;
  return server;
}
