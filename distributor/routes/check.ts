/** `POST /v1/devices/:id/check`: what a device is to run, and why. */
import * as z from 'zod';
import {
  type CheckRequest,
  checkAnswerSchema,
  checkRequestSchema,
  deviceIdSchema,
} from '../../contract/device-api/check.ts';
import { limits } from '../../contract/limits.ts';
import type { App } from '../app.ts';
import { permitIssued } from '../events/audit.ts';
import type { Bearer, CheckFacts } from '../fleet/ports.ts';
import { questionOf } from '../fleet/question.ts';
import { bearerOf } from '../http/access.ts';
import { noteForLog } from '../http/answer-log.ts';
import { callerOf, perMinute } from '../http/rate-limits.ts';
import { decide } from '../rollout/deciding/decide.ts';
import type { DecideInput } from '../rollout/deciding/decide-input.ts';
import { type Finding, findingsOf } from '../rollout/deciding/findings.ts';
import { type Decision, withoutPermits } from '../rollout/decision.ts';
import type { Services } from '../services.ts';
import { answerOf } from './check-answer.ts';
import { recordFallBacks } from './fall-backs.ts';

export function checkRoute(app: App, services: Services): void {
  const { fleet, clock, chance, metrics, permits, policy, campaigns } = services;
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
      const { decision, findings } = await decideInForce(services, id, request.body, bearerOf(request, id, now), now);
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
      const fellBack = findings.filter(({ kind }) => kind !== 'runs');
      await recordFallBacks(services, id, fellBack, now);
      metrics.checkSeconds.observe((performance.now() - startedAt) / 1000);
      metrics.checks.inc({ decision: decision.kind, reason: decision.reason });
      noteForLog(request, {
        ...{ msg: 'checked', deviceId: id, decision: decision.kind, reason: decision.reason, ...decision.facts },
        deltaPolicy: request.body.deltaPolicy,
      });
      return answer;
    },
  );
}

/** By the plan that is in force in the database: another replica may have applied one that this one has not seen. */
async function decideInForce(
  services: Services,
  id: string,
  check: CheckRequest,
  bearer: Bearer,
  now: number,
): Promise<{ readonly decision: Decision; readonly findings: readonly Finding[] }> {
  const { fleet, reconciler } = services;
  for (let trial = 0; ; trial++) {
    const { arrival, judge, find } = decisionStepsOf(services, id, check, now);
    let isStale = false;
    let findings: readonly Finding[] = [];
    const findInForce = (facts: CheckFacts) => {
      findings = find(facts);
      return findings;
    };
    try {
      const judgeInForce = (facts: CheckFacts): Decision => {
        isStale = trial === 0 && facts.planSha256 !== reconciler.applied?.contentSha256;
        if (isStale) throw new Error('another plan is in force');
        return judge(facts);
      };
      const decision = await fleet.answerCheck({ ...arrival, bearer }, judgeInForce, findInForce);
      return { decision, findings };
    } catch (error) {
      if (!isStale) throw error;
      await reconciler.catchUp();
    }
  }
}

function decisionStepsOf({ campaigns, catalog, permits }: Services, id: string, check: CheckRequest, now: number) {
  const plan = campaigns.compiled;
  const { releases } = catalog.state;
  const labels = plan.effectiveLabels(id, check.labels);
  const vouched = plan.vouchedLocationOf(id, check.labels);
  const arrival = { ...questionOf(plan, releases, { id, check, labels }, now), check, vouched };
  const inputOf = ({ device, attempts, peers, campaign, spending }: CheckFacts): DecideInput => {
    const facts = { id, check, labels, enrolledAt: device.enrolledAt };
    return { device: facts, plan, releases, campaign, attempts, peers, spending, now };
  };
  const judge = (facts: CheckFacts): Decision => {
    const decision = decide(inputOf(facts));
    return permits ? decision : withoutPermits(decision);
  };
  return { arrival, judge, find: (facts: CheckFacts) => findingsOf(inputOf(facts)) };
}
