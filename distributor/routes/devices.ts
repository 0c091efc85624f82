/** `GET /v1/devices` and `GET /v1/devices/:id`: the fleet as the distributor knows it. */
import { z } from 'zod';
import { deviceIdSchema } from '../../contract/device-api/check.ts';
import { reportSchema } from '../../contract/device-api/report.ts';
import { SlipwayError } from '../../contract/errors.ts';
import type { App } from '../app.ts';
import { deviceViewSchema, viewOf } from '../fleet/view.ts';
import { allow } from '../http/access.ts';
import type { Services } from '../services.ts';

const reportsShown = 50;
const maxPage = 1000;

const pageSchema = z.object({
  devices: z.array(deviceViewSchema),
  /** Give it as `after` to read on; absent on the last page. */
  next: deviceIdSchema.optional(),
});

export function devicesRoute(app: App, services: Services): void {
  app.get(
    '/v1/devices',
    {
      schema: {
        tags: ['devices'],
        summary: 'List devices',
        security: [{ bearer: [] }],
        querystring: z.object({
          after: deviceIdSchema.optional(),
          limit: z.coerce.number().int().min(1).max(maxPage).default(100),
        }),
        response: { 200: pageSchema },
      },
    },
    async (request) => {
      await allow(request, { scope: 'devices:read' }, services);
      const { after, limit } = request.query;
      const devices = await services.fleet.listDevices({ after, limit });
      const last = devices.length === limit ? devices.at(-1)?.id : undefined;
      return { devices: devices.map(viewOf), ...(last === undefined ? {} : { next: last }) };
    },
  );

  app.get(
    '/v1/devices/:id',
    {
      schema: {
        tags: ['devices'],
        summary: 'One device and its latest reports, newest first',
        security: [{ bearer: [] }],
        params: z.object({ id: deviceIdSchema }),
        response: { 200: deviceViewSchema.extend({ reports: z.array(reportSchema) }) },
      },
    },
    async (request) => {
      const { id } = request.params;
      await allow(request, { device: id, scope: 'devices:read' }, services);
      const device = await services.fleet.findDevice(id);
      if (!device) {
        throw new SlipwayError('device-unknown', `device ${id} is not enrolled`, {
          hint: 'List the devices with GET /v1/devices.',
        });
      }
      return { ...viewOf(device), reports: await services.fleet.listReports(id, reportsShown) };
    },
  );
}
