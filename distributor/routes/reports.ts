/** `POST /v1/devices/:id/reports` takes what happened on a device, each report once however often it comes. */
import * as z from 'zod';
import { deviceIdSchema } from '../../contract/device-api/check.ts';
import { reportsAnswerSchema, reportsRequestSchema } from '../../contract/device-api/report.ts';
import { limits } from '../../contract/limits.ts';
import type { ReportRules } from '../fleet/ports.ts';
import { allowDevice } from '../http/access.ts';
import type { App } from '../http/fastify-app.ts';
import { callerOf, perMinute } from '../http/rate-limits.ts';
import { troubleLabels } from '../http/trouble-gauges.ts';
import { isMember } from '../rollout/compiled-plan.ts';
import type { Services } from '../services.ts';
import { recordFallBacks } from './fall-backs.ts';

/** Bytes of one report at most: its message and a dozen short fields. */
const maxReportBytes = 4096;

export function reportsRoute(app: App, services: Services): void {
  const { fleet, campaigns, clock, metrics, policy } = services;
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
      const rules = rulesOf(services);
      const stored = await fleet.storeReports(id, request.body.reports, rules, now);
      const { acknowledgedThrough, fresh, fellBack, failed } = stored;
      for (const report of fresh) {
        const { sequence, rollout, version, phase, outcome, code, fault } = report;
        metrics.reports.inc({ outcome: outcome ?? 'none', ...troubleLabels(code, fault) });
        request.log.info({ deviceId: id, sequence, rollout, version, phase, outcome, code, fault }, 'reported');
      }
      await recordFallBacks(services, id, fellBack, now);
      // Failures count at once: an abort is in force before the next check is answered.
      await campaigns.noteFailures(failed, now);
      return { acknowledgedThrough };
    },
  );
}

/**
 * A device of another product or group says nothing about a rollout, and nobody moves more bytes than a release can
 * cost.
 */
function rulesOf({ campaigns, catalog }: Services): ReportRules {
  const { releases } = catalog.state;
  const plan = campaigns.compiled;
  return ({ rollout = '', version }, { id, product, platform, labels }) => {
    const declared = plan.find(rollout);
    if (declared && (declared.rollout.product !== product || !isMember(plan, declared, { id, labels })))
      return undefined;
    return { maxBytes: releases.find(product, platform, { release: version })?.maxTransferBytes ?? 0 };
  };
}
