/**
 * `POST /v1/rollouts/:name/{pause,resume,abort,reopen,promote,retry}` takes a person's word on a rollout, in force by
 * the next check.
 */
import { allowRollout } from '../http/access.ts';
import { becauseSchema } from '../http/because.ts';
import type { App } from '../http/fastify-app.ts';
import { type ControlAction, controlActions } from '../rollout/campaigns/control.ts';
import { rolloutListSchema, rolloutViewOf } from '../rollout/campaigns/view.ts';
import type { Services } from '../services.ts';
import { rolloutNameSchema, seenView } from './rollouts.ts';

const actions = {
  pause: 'Offer nothing until resumed; devices under way go on',
  resume: 'Offer again after a pause or a stall',
  abort: 'Stop: this release is offered by this rollout no more, unless a person reopens it',
  reopen: 'Take an abort back: offer again where the rollout stopped, without counting what failed before',
  promote: 'Open the next wave now, whatever soak and gate say; after the last one, complete',
  retry: 'Offer the release once more to devices where it failed',
} as const satisfies Record<ControlAction, string>;

export function rolloutControlRoute(app: App, services: Services): void {
  const { campaigns, clock } = services;
  for (const action of controlActions) {
    app.post(
      `/v1/rollouts/:name/${action}`,
      {
        schema: {
          operationId: `${action}Rollout`,
          tags: ['rollouts'],
          summary: actions[action],
          security: [{ bearer: [] }],
          params: rolloutNameSchema,
          body: becauseSchema,
          response: { 200: rolloutListSchema },
        },
      },
      async (request) => {
        const { name } = request.params;
        const { caller, sight } = await allowRollout(request, name, { scope: 'rollouts:control' }, services);
        const now = clock();
        await campaigns.control(name, action, caller.actor, now, request.body?.reason);
        return { rollouts: (await campaigns.views(now, name)).map((view) => seenView(rolloutViewOf(view), sight)) };
      },
    );
  }
}
