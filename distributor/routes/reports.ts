/** `POST /v1/devices/:id/reports` takes what happened on a device, each report once however often it comes. */
import * as z from 'zod';
import { deviceIdSchema } from '../../contract/device-api/check.ts';
import { reportsAnswerSchema, reportsRequestSchema } from '../../contract/device-api/report.ts';
import { limits } from '../../contract/limits.ts';
import { takeReports } from '../fleet/take-reports.ts';
import { allowDevice } from '../http/access.ts';
import type { App } from '../http/fastify-app.ts';
import { callerOf, perMinute } from '../http/rate-limits.ts';
import { troubleLabels } from '../http/trouble-gauges.ts';
import { deskOf, type Services } from '../services.ts';

/** Bytes of one report at most: its message and a dozen short fields. */
const maxReportBytes = 4096;

export function reportsRoute(app: App, services: Services): void {
  const { clock, metrics, policy } = services;
  const desk = deskOf(services);
  app.post(
    '/v1/devices/:id/reports',
    {
      schema: {
        operationId: 'sendReports',
        tags: ['devices'],
        summary: 'Report what happened',
        security: [{ bearer: [] }],
        params: z.object({ id: deviceIdSchema }),
        body: reportsRequestSchema,
        response: { 200: reportsAnswerSchema },
      },
      bodyLimit: limits.maxReportsPerRequest * maxReportBytes,
      config: { rateLimit: perMinute(policy.checksPerMinute, callerOf) },
      helmet: false,
    },
    async (request) => {
      const { id } = request.params;
      await allowDevice(request, id, services);
      const now = clock();
      const acknowledgedThrough = await takeReports(desk, id, request.body.reports, now, (report) => {
        const { sequence, rollout, version, phase, outcome, code, fault } = report;
        metrics.reports.inc({ outcome: outcome ?? 'none', ...troubleLabels(code, fault) });
        request.log.info({ deviceId: id, sequence, rollout, version, phase, outcome, code, fault }, 'reported');
      });
      return { acknowledgedThrough };
    },
  );
}
