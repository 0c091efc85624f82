/** `POST /v1/devices/:id/reports`: what happened on a device, each report once however often it comes. */
import { z } from 'zod';
import { deviceIdSchema } from '../../contract/device-api/check.ts';
import { reportsAnswerSchema, reportsRequestSchema } from '../../contract/device-api/report.ts';
import { limits } from '../../contract/limits.ts';
import type { App } from '../app.ts';
import { allowDevice } from '../http/access.ts';
import { callerOf, perMinute } from '../http/rate-limits.ts';
import { placeOf } from '../rollout/placement.ts';
import type { Services } from '../services.ts';

/** Bytes of one report at most: its message and a dozen short fields. */
const maxReportBytes = 4096;

export function reportsRoute(app: App, services: Services): void {
  const { fleet, campaigns, clock, metrics, policy } = services;
  app.post(
    '/v1/devices/:id/reports',
    {
      schema: {
        tags: ['devices'],
        summary: 'Report what happened',
        security: [{ bearer: [] }],
        params: z.object({ id: deviceIdSchema }),
        body: reportsRequestSchema,
        response: { 200: reportsAnswerSchema },
      },
      bodyLimit: limits.maxReportsPerRequest * maxReportBytes,
      config: { rateLimit: perMinute(policy.checksPerMinute, callerOf) },
    },
    async (request) => {
      const { id } = request.params;
      await allowDevice(request, id, services);
      const now = clock();
      const isDeclared = (name: string) => campaigns.declared.some((rollout) => rollout.name === name);
      const place = (rollout: string) => (isDeclared(rollout) ? placeOf(rollout, id) : undefined);
      const { acknowledgedThrough, fresh } = await fleet.storeReports(id, request.body.reports, place, now);
      for (const report of fresh) {
        metrics.reports.inc({ outcome: report.outcome ?? 'none' });
        const { sequence, rollout, version, phase, outcome, code } = report;
        request.log.info({ deviceId: id, sequence, rollout, version, phase, outcome, code }, 'reported');
      }
      // Evidence counts at once: an abort is in force before the next check is answered.
      if (fresh.some((report) => report.outcome !== undefined)) await campaigns.advanceAll(now);
      return { acknowledgedThrough };
    },
  );
}
