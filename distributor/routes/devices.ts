/** `/v1/devices` shows the fleet as the distributor knows it, one device of it, and ends a device. */
import * as z from 'zod';
import { type DeviceId, deviceIdSchema } from '../../contract/device-api/check.ts';
import type { DecisionContext } from '../events/audit.ts';
import { deviceQuerySchema } from '../fleet/device-filter.ts';
import { decideDevice } from '../fleet/identity/acceptance.ts';
import { dismissDevice, unknownDevice } from '../fleet/identity/dismissal.ts';
import { changeGivenLabels } from '../fleet/labels/give-labels.ts';
import { listDevices } from '../fleet/listing.ts';
import {
  type DeviceStanding,
  detailOf,
  deviceDetailSchema,
  devicePageSchema,
  deviceStandingSchema,
  labelledDeviceSchema,
} from '../fleet/view.ts';
import { allow, allowDeviceOf, sightBy } from '../http/access.ts';
import { becauseSchema, reasonSchema } from '../http/because.ts';
import type { App } from '../http/fastify-app.ts';
import type { Services } from '../services.ts';

const maxPage = 1000;

/** Null takes a label away. */
export const labelChangesSchema = z.strictObject({
  labels: z.record(z.string().max(253), z.string().max(63).nullable()),
  reason: reasonSchema.optional(),
});

type Act = (id: DeviceId, said: DecisionContext) => Promise<DeviceStanding>;

export function devicesRoute(app: App, services: Services): void {
  const { fleet, clock, campaigns, catalog } = services;
  app.get(
    '/v1/devices',
    {
      schema: {
        operationId: 'listDevices',
        tags: ['devices'],
        summary: 'List devices, all or those that every part of the query holds for',
        security: [{ bearer: [] }],
        querystring: deviceQuerySchema.extend({
          after: deviceIdSchema.optional(),
          limit: z.coerce.number().int().min(1).max(maxPage).default(100),
        }),
        response: { 200: devicePageSchema },
      },
    },
    async (request) => {
      const sight = sightBy(await allow(request, { scope: 'devices:read' }, services), services);
      const { after, limit, ...query } = request.query;
      const { releases } = catalog.state;
      const sees = sight.isWhole ? {} : { sees: sight.seesDevice };
      const input = { fleet, plan: campaigns.compiled, releases, now: clock(), ...sees };
      return listDevices(input, query, { after, limit });
    },
  );

  app.get(
    '/v1/devices/:id',
    {
      schema: {
        operationId: 'getDevice',
        tags: ['devices'],
        summary: 'One device and its latest reports, newest first',
        security: [{ bearer: [] }],
        params: z.object({ id: deviceIdSchema }),
        response: { 200: deviceDetailSchema },
      },
    },
    async (request) => {
      const { id } = request.params;
      await allowDeviceOf(request, id, { device: id, scope: 'devices:read' }, services);
      const detail = await detailOf(fleet, id);
      if (!detail) throw unknownDevice(id);
      return detail;
    },
  );

  app.post(
    '/v1/devices/:id/labels',
    {
      schema: {
        operationId: 'labelDevice',
        tags: ['devices'],
        summary: 'Give a device labels, over those that it says of itself',
        security: [{ bearer: [] }],
        params: z.object({ id: deviceIdSchema }),
        body: labelChangesSchema,
        response: { 200: labelledDeviceSchema },
      },
    },
    async (request) => {
      const { id } = request.params;
      const { caller, sight } = await allowDeviceOf(request, id, { scope: 'devices:control' }, services);
      const { labels, reason = '' } = request.body;
      const said = { actor: caller.actor, because: reason, at: clock() };
      return { id, givenLabels: await changeGivenLabels(fleet, id, labels, said, sight) };
    },
  );

  const decide =
    (status: 'accepted' | 'rejected'): Act =>
    async (id, said) => {
      const standing = await decideDevice(fleet, id, status, said);
      // Its first check may follow at once.
      await campaigns.noteEnrolment(said.at);
      return standing;
    };
  const dismiss =
    (action: 'revoke' | 'forget'): Act =>
    (id, said) =>
      dismissDevice(fleet, id, action, said);
  const actions: Readonly<Record<string, readonly [summary: string, act: Act]>> = {
    accept: ['Accept a device that waits for it, or was rejected', decide('accepted')],
    reject: ['Do not accept a device that waits for it', decide('rejected')],
    revoke: ['Refuse a device from the next request on', dismiss('revoke')],
    forget: ['Remove a device and all that is known of it, so that it may enrol again', dismiss('forget')],
  };
  for (const [action, [summary, act]] of Object.entries(actions)) {
    app.post(
      `/v1/devices/:id/${action}`,
      {
        schema: {
          operationId: `${action}Device`,
          tags: ['devices'],
          summary,
          security: [{ bearer: [] }],
          params: z.object({ id: deviceIdSchema }),
          body: becauseSchema,
          response: { 200: deviceStandingSchema },
        },
      },
      async (request) => {
        const { caller } = await allowDeviceOf(request, request.params.id, { scope: 'devices:control' }, services);
        const said = { actor: caller.actor, because: request.body?.reason ?? '', at: clock() };
        return act(request.params.id, said);
      },
    );
  }
}
