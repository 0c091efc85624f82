/** `GET /v1/rollouts` and `GET /v1/rollouts/:name` show what is declared, where it stands, and what is refused. */
import * as z from 'zod';
import { objectNameSchema } from '../declaration/object-name.ts';
import type { Sight } from '../fleet/access/sight.ts';
import { allow, allowRollout, sightBy } from '../http/access.ts';
import type { App } from '../http/fastify-app.ts';
import { type RolloutView, rolloutListSchema, rolloutViewOf } from '../rollout/campaigns/view.ts';
import type { Services } from '../services.ts';

/** Other rollouts are named to who sees them. */
export function seenView(view: RolloutView, sight: Sight): RolloutView {
  if (!view.overlaps) return view;
  return { ...view, overlaps: view.overlaps.filter(({ rollout }) => sight.seesRollout(rollout)) };
}

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
      const sight = sightBy(await allow(request, { scope: 'rollouts:read' }, services), services);
      const views = (await campaigns.views(clock())).filter(({ rollout }) => sight.seesRollout(rollout.name));
      const rollouts = views.map((view) => rolloutViewOf(view));
      const { problem } = reconciler;
      // It names what is declared anywhere in the fleet.
      if (!problem || !sight.isWhole) return { rollouts };
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
      const { name } = request.params;
      const { sight } = await allowRollout(request, name, { scope: 'rollouts:read' }, services);
      return { rollouts: (await campaigns.views(clock(), name)).map((view) => seenView(rolloutViewOf(view), sight)) };
    },
  );
}
