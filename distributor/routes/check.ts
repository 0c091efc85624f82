/** `POST /v1/devices/:id/check` answers what a device is to run, and why. */
import * as z from 'zod';
import {
  type CheckRequest,
  checkAnswerSchema,
  checkRequestSchema,
  deviceIdSchema,
} from '../../contract/device-api/check.ts';
import { withSafeguardLabels } from '../../contract/device-api/safeguards.ts';
import { limits } from '../../contract/limits.ts';
import { permitIssued } from '../events/audit.ts';
import { takeCheck } from '../fleet/take-check.ts';
import { bearerOf } from '../http/access.ts';
import { noteForLog } from '../http/answer-log.ts';
import type { App } from '../http/fastify-app.ts';
import { callerOf, perMinute } from '../http/rate-limits.ts';
import { deskOf, type Services } from '../services.ts';
import { answerOf } from './check-answer.ts';

/** Nobody says by a label of their own what only safeguards say. */
function withSafeguards(check: CheckRequest): CheckRequest {
  const told = check.schemaVersion === 1 ? undefined : check.safeguards;
  return { ...check, labels: withSafeguardLabels(check.labels, told) };
}

export function checkRoute(app: App, services: Services): void {
  const { fleet, clock, chance, metrics, permits, policy, campaigns } = services;
  const desk = deskOf(services);
  app.post(
    '/v1/devices/:id/check',
    {
      schema: {
        operationId: 'checkForUpdate',
        tags: ['devices'],
        summary: 'What is this device to run?',
        security: [{ bearer: [] }],
        params: z.object({ id: deviceIdSchema }),
        body: checkRequestSchema,
        response: { 200: checkAnswerSchema },
      },
      bodyLimit: limits.maxCheckBytes,
      config: { rateLimit: perMinute(policy.checksPerMinute, callerOf) },
      helmet: false,
    },
    async (request) => {
      const { id } = request.params;
      const now = clock();
      const startedAt = performance.now();
      const check = withSafeguards(request.body);
      const arrived = { id, check, bearer: bearerOf(request, id, now), now };
      const decision = await takeCheck(desk, arrived);
      const answer = answerOf(decision, {
        deviceId: id,
        product: request.body.product,
        permits,
        pollAfterSeconds: policy.pollAfterSeconds ?? campaigns.compiled.fleet.pollSeconds,
        chance: chance(),
        now,
      });
      if (decision.kind === 'revert') {
        const key = { rollout: decision.rollout.name, version: decision.goal.version };
        await fleet.appendEvent(permitIssued(key, id, now));
      }
      metrics.checkSeconds.observe((performance.now() - startedAt) / 1000);
      metrics.checks.inc({ decision: decision.kind, reason: decision.reason });
      noteForLog(request, {
        msg: 'checked',
        deviceId: id,
        decision: decision.kind,
        reason: decision.reason,
        ...decision.facts,
        deltaPolicy: request.body.deltaPolicy,
      });
      return answer;
    },
  );
}
