/** `GET /v1/rollouts` and `GET /v1/rollouts/:name`: what is declared, where it stands, and what is refused. */
import { z } from 'zod';
import type { App } from '../app.ts';
import { allow } from '../http/access.ts';
import { rolloutViewSchema, viewOf } from '../rollout/view.ts';
import type { Services } from '../services.ts';

export const rolloutNameSchema = z.object({ name: z.string().max(253) });

const problemSchema = z.object({ code: z.string(), message: z.string(), hint: z.string().optional() });

const listSchema = z.object({
  rollouts: z.array(rolloutViewSchema),
  /** Why the files as they are now are not in force; those accepted last are. Absent when all is well. */
  refused: problemSchema.optional(),
});

export function rolloutsRoute(app: App, services: Services): void {
  const { campaigns, clock } = services;
  app.get(
    '/v1/rollouts',
    {
      schema: {
        tags: ['rollouts'],
        summary: 'List rollouts',
        security: [{ bearer: [] }],
        response: { 200: listSchema },
      },
    },
    async (request) => {
      await allow(request, { scope: 'rollouts:read' }, services);
      const rollouts = (await campaigns.views(clock())).map(viewOf);
      const { problem } = campaigns;
      if (!problem) return { rollouts };
      const { code, message, hint } = problem;
      return { rollouts, refused: { code, message, ...(hint === undefined ? {} : { hint }) } };
    },
  );

  app.get(
    '/v1/rollouts/:name',
    {
      schema: {
        tags: ['rollouts'],
        summary: 'One rollout; one entry for each version its target means',
        security: [{ bearer: [] }],
        params: rolloutNameSchema,
        response: { 200: listSchema.pick({ rollouts: true }) },
      },
    },
    async (request) => {
      await allow(request, { scope: 'rollouts:read' }, services);
      return { rollouts: (await campaigns.views(clock(), request.params.name)).map(viewOf) };
    },
  );
}
