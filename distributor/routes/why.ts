/** `GET /v1/devices/:id/why` says why a device does or does not update now, down to the rule and the numbers. */
import * as z from 'zod';
import { deviceIdSchema } from '../../contract/device-api/device-id.ts';
import { explainDevice } from '../explanation/explain-device.ts';
import { type WhyView, whyViewSchema } from '../explanation/view.ts';
import type { Sight } from '../fleet/access/sight.ts';
import type { FleetState } from '../fleet/ports.ts';
import { allowDeviceOf } from '../http/access.ts';
import type { App } from '../http/fastify-app.ts';
import type { Services } from '../services.ts';

export function whyRoute(app: App, services: Services): void {
  const { fleet, campaigns, catalog, clock, permits } = services;
  app.get(
    '/v1/devices/:id/why',
    {
      schema: {
        operationId: 'explainDevice',
        tags: ['devices'],
        summary: 'Why this device does or does not update now',
        description:
          'The same decision as a check of this device would get, by what it said last; every rollout of its product ' +
          'with its verdict and the numbers behind it. Asking changes nothing. A device may ask about itself.',
        security: [{ bearer: [] }],
        params: z.object({ id: deviceIdSchema }),
        response: { 200: whyViewSchema },
      },
    },
    async (request) => {
      const { id } = request.params;
      const { sight } = await allowDeviceOf(request, id, { device: id, scope: 'devices:read' }, services);
      const { releases } = catalog.state;
      const canRevert = permits !== undefined;
      const why = await explainDevice({ fleet, plan: campaigns.compiled, releases, canRevert, now: clock() }, id);
      return sight.isWhole ? why : seenWhy(why, sight, fleet);
    },
  );
}

/** Of rollouts and neighbours those inside the reach of who asks. */
async function seenWhy(why: WhyView, sight: Sight, fleet: Pick<FleetState, 'findDevice'>): Promise<WhyView> {
  const rollouts = [];
  for (const explained of why.rollouts.filter(({ rollout }) => sight.seesRollout(rollout))) {
    const waitsFor = [];
    for (const peer of explained.waitsFor) {
      const device = await fleet.findDevice(peer.id);
      if (device && sight.seesDevice(device)) waitsFor.push(peer);
    }
    rollouts.push({ ...explained, waitsFor });
  }
  return { ...why, rollouts };
}
