/** `/healthz`: the process answers. `/readyz`: it can serve devices: the database answers and the store was read. */
import { z } from 'zod';
import type { App } from '../app.ts';
import type { Services } from '../services.ts';

const readinessSchema = z.object({
  ready: z.boolean(),
  /** False until rollouts and store were looked at for the first time. */
  started: z.boolean(),
  database: z.enum(['ok', 'unavailable']),
  /** `stale`: the store cannot be read now, and what was read before is in force. */
  catalog: z.enum(['ok', 'stale', 'empty']),
  /** Code of the failure of the store, where there is one. */
  code: z.string().optional(),
  /** `stale`: what is declared now is not in force, and what was applied last is. */
  plan: z.enum(['ok', 'stale']),
  planCode: z.string().optional(),
});

export function healthRoute(app: App, { catalog, fleet, reconciler, isStarted }: Services): void {
  app.get(
    '/healthz',
    { schema: { tags: ['operations'], summary: 'Alive', response: { 200: z.object({ ok: z.literal(true) }) } } },
    async () => ({ ok: true as const }),
  );

  app.get(
    '/readyz',
    {
      schema: {
        tags: ['operations'],
        summary: 'Ready to serve devices',
        response: { 200: readinessSchema, 503: readinessSchema },
      },
    },
    async (_request, reply) => {
      const { refreshedAt, problem } = catalog.state;
      const isDatabaseUp = await fleet.ping().then(
        () => true,
        () => false,
      );
      const started = isStarted();
      const ready = started && isDatabaseUp && refreshedAt !== undefined;
      return reply.code(ready ? 200 : 503).send({
        ready,
        started,
        database: isDatabaseUp ? 'ok' : 'unavailable',
        catalog: refreshedAt === undefined ? 'empty' : problem ? 'stale' : 'ok',
        ...(problem ? { code: problem.code } : {}),
        plan: reconciler.problem ? 'stale' : 'ok',
        ...(reconciler.problem ? { planCode: reconciler.problem.code } : {}),
      });
    },
  );
}
