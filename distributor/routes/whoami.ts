/** `GET /v1/whoami` says who the caller is by what it shows, whatever it may do. */
import { callerViewOf, callerViewSchema } from '../fleet/access/caller-view.ts';
import { allow } from '../http/access.ts';
import type { App } from '../http/fastify-app.ts';
import type { Services } from '../services.ts';

export function whoamiRoute(app: App, services: Services): void {
  app.get(
    '/v1/whoami',
    {
      schema: {
        operationId: 'identifyCaller',
        tags: ['tokens'],
        summary: 'Who asks: the token of this request, or the person whom an issuer vouches for, and what it may',
        security: [{ bearer: [] }],
        response: { 200: callerViewSchema },
      },
    },
    async (request, reply) => {
      const { caller } = await allow(request, { anyToken: true }, services);
      reply.header('cache-control', 'no-store');
      return callerViewOf(caller, services.clock());
    },
  );
}
