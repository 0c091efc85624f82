/** `GET /v1/whoami` says which token the caller shows, whatever it may do. */

import { tokenViewOf, tokenViewSchema } from '../fleet/token-view.ts';
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
        summary: 'The token that this request shows: its name, purpose, scopes, owner and expiry, never its text',
        security: [{ bearer: [] }],
        response: { 200: tokenViewSchema },
      },
    },
    async (request, reply) => {
      const token = await allow(request, { anyToken: true }, services);
      reply.header('cache-control', 'no-store');
      return tokenViewOf(token, services.clock());
    },
  );
}
