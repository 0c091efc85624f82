/** `POST /v1/rollouts/:name/{pause,resume,abort}`: a person's word on a rollout, in force by the next check. */
import { z } from 'zod';
import type { App } from '../app.ts';
import { allow } from '../http/access.ts';
import { rolloutViewSchema, viewOf } from '../rollout/view.ts';
import type { Services } from '../services.ts';
import { rolloutNameSchema } from './rollouts.ts';

const actions = {
  pause: 'Offer nothing until resumed; devices under way go on',
  resume: 'Offer again after a pause',
  abort: 'Stop for good: this release is offered by this rollout no more',
} as const;

export function rolloutControlRoute(app: App, services: Services): void {
  const { campaigns, clock } = services;
  for (const action of ['pause', 'resume', 'abort'] as const) {
    app.post(
      `/v1/rollouts/:name/${action}`,
      {
        schema: {
          tags: ['rollouts'],
          summary: actions[action],
          security: [{ bearer: [] }],
          params: rolloutNameSchema,
          response: { 200: z.object({ rollouts: z.array(rolloutViewSchema) }) },
        },
      },
      async (request) => {
        const token = await allow(request, { scope: 'rollouts:control' }, services);
        const now = clock();
        await campaigns.control(request.params.name, action, `token ${token.id}`, now);
        return { rollouts: (await campaigns.views(now, request.params.name)).map(viewOf) };
      },
    );
  }
}
