/** `POST /v1/devices/:id/check`: what a device is to run, and why. */
import { z } from 'zod';
import {
  type CheckAnswer,
  checkAnswerSchema,
  checkRequestSchema,
  deviceIdSchema,
} from '../../contract/device-api/check.ts';
import { limits } from '../../contract/limits.ts';
import type { App } from '../app.ts';
import { allowDevice } from '../http/access.ts';
import { callerOf, perMinute } from '../http/rate-limits.ts';
import { type Decision, decide } from '../rollout/decide.ts';
import type { Services } from '../services.ts';

const maxDetailLength = 1000;

export function checkRoute(app: App, services: Services): void {
  const { fleet, campaigns, catalog, clock, metrics, policy } = services;
  app.post(
    '/v1/devices/:id/check',
    {
      schema: {
        tags: ['devices'],
        summary: 'What is this device to run?',
        security: [{ bearer: [] }],
        params: z.object({ id: deviceIdSchema }),
        body: checkRequestSchema,
        response: { 200: checkAnswerSchema },
      },
      bodyLimit: limits.maxCheckBytes,
      config: { rateLimit: perMinute(policy.checksPerMinute, callerOf) },
    },
    async (request) => {
      const { id } = request.params;
      await allowDevice(request, id, services);
      const decision = decide({
        deviceId: id,
        device: request.body,
        rollouts: campaigns.declared,
        releases: catalog.state.releases,
        campaign: (rollout, version) => campaigns.state(rollout, version),
        attempts: await fleet.attemptsOf(id),
      });
      const offer =
        decision.kind === 'update'
          ? {
              rollout: decision.rollout.name,
              version: decision.goal.version,
              offeredVersion: decision.release.version,
              place: decision.place,
            }
          : undefined;
      await fleet.recordCheck(id, request.body, offer, clock());
      metrics.checks.inc({ decision: decision.kind, reason: decision.reason });
      request.log.info(
        {
          ...{ deviceId: id, decision: decision.kind, reason: decision.reason, ...decision.facts },
          deltaPolicy: request.body.deltaPolicy,
        },
        'checked',
      );
      return answerOf(decision, policy.pollAfterSeconds);
    },
  );
}

function answerOf(decision: Decision, pollAfterSeconds: number | undefined): CheckAnswer {
  const poll = pollAfterSeconds === undefined ? {} : { pollAfterSeconds };
  if (decision.kind === 'none') {
    const facts = Object.entries(decision.facts).map(([name, value]) => `${name}=${value}`);
    const detail = facts.join(' ').slice(0, maxDetailLength);
    return { decision: 'none', reason: decision.reason, detail, ...poll };
  }
  const { rollout, wave, release, reason } = decision;
  const { targetPath, version, counter } = release;
  return {
    decision: 'update',
    reason,
    offer: { rollout: rollout.name, wave, targetPath, version, counter },
    ...poll,
  };
}
