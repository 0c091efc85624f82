/** `/metrics` answers Prometheus, unless it has an address of its own; hooks here count every answer. */
import { toSlipwayError } from '../../contract/errors.ts';
import type { App } from '../http/fastify-app.ts';
import type { Services } from '../services.ts';

export function metricsRoute(app: App, { metrics }: Services, isShown: boolean): void {
  app.addHook('onResponse', (request, reply, next) => {
    // The pattern, never the path as it came: an open label would grow without bound.
    const route = request.routeOptions.url ?? 'unknown';
    metrics.requests.inc({ route, method: request.method, status: reply.statusCode });
    metrics.requestSeconds.observe({ route }, reply.elapsedTime / 1000);
    next();
  });

  app.addHook('onError', async (_request, _reply, error) => {
    if (toSlipwayError(error).code === 'database-unavailable') metrics.databaseErrors.inc();
  });

  if (!isShown) return;
  app.get(
    '/metrics',
    { schema: { operationId: 'getMetrics', tags: ['operations'], summary: 'Metrics for Prometheus' } },
    async (_request, reply) => reply.type(metrics.registry.contentType).send(await metrics.registry.metrics()),
  );
}
