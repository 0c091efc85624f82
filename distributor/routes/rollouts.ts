/** `GET /v1/rollouts` and `GET /v1/rollouts/:name` show what is declared, where it stands, and what is refused. */
import * as z from 'zod';
import { objectNameSchema } from '../declaration/object-name.ts';
import { allow } from '../http/access.ts';
import type { App } from '../http/fastify-app.ts';
import { rolloutListSchema, rolloutViewOf } from '../rollout/campaigns/view.ts';
import type { Services } from '../services.ts';

export const rolloutNameSchema = z.object({ name: objectNameSchema });

export function rolloutsRoute(app: App, services: Services): void {
  const { campaigns, clock, reconciler } = services;
  app.get(
    '/v1/rollouts',
    {
      schema: {
        operationId: 'listRollouts',
        tags: ['rollouts'],
        summary: 'List rollouts: their waves, counts and gates, and why newer declarations are not in force',
        security: [{ bearer: [] }],
        response: { 200: rolloutListSchema },
      },
    },
    async (request) => {
      await allow(request, { scope: 'rollouts:read' }, services);
      const rollouts = (await campaigns.views(clock())).map((view) => rolloutViewOf(view));
      const { problem } = reconciler;
      if (!problem) return { rollouts };
      const { code, message, hint } = problem;
      return { rollouts, refused: { code, message, hint } };
    },
  );

  app.get(
    '/v1/rollouts/:name',
    {
      schema: {
        operationId: 'getRollout',
        tags: ['rollouts'],
        summary: 'One rollout, one entry for each version its target means; with devices that others claim, too',
        security: [{ bearer: [] }],
        params: rolloutNameSchema,
        response: { 200: rolloutListSchema },
      },
    },
    async (request) => {
      await allow(request, { scope: 'rollouts:read' }, services);
      const { name } = request.params;
      return { rollouts: (await campaigns.views(clock(), name)).map((view) => rolloutViewOf(view)) };
    },
  );
}
