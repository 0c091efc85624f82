/** `POST /v1/devices/:id/check` answers what a device is to run, and why. */
import * as z from 'zod';
import {
  type CheckRequest,
  checkAnswerSchema,
  checkRequestSchema,
  deviceIdSchema,
} from '../../contract/device-api/check.ts';
import { SlipwayError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import { permitIssued } from '../events/audit.ts';
import type { Bearer, CheckFacts } from '../fleet/ports.ts';
import { questionOf } from '../fleet/question.ts';
import { bearerOf } from '../http/access.ts';
import { noteForLog } from '../http/answer-log.ts';
import type { App } from '../http/fastify-app.ts';
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

/** By the plan that is in force in the database: another replica may have applied one that this one has not seen. */
async function decideInForce(
  services: Services,
  id: string,
  check: CheckRequest,
  bearer: Bearer,
  now: number,
): Promise<DecidedCheck> {
  const { reconciler } = services;
  const known = await decideOnce(services, id, check, bearer, now, ({ planSha256 }) => {
    return planSha256 === reconciler.applied?.contentSha256;
  });
  if (known) return known;
  await reconciler.catchUp();
  const newest = await decideOnce(services, id, check, bearer, now, () => true);
  if (!newest) throw new SlipwayError('internal', `check of ${id}: nothing was decided by the plan in force`);
  return newest;
}

interface DecidedCheck {
  readonly decision: Decision;
  readonly findings: readonly Finding[];
}

/** Undefined where the plan known here is not the one in force; then nothing is recorded. */
async function decideOnce(
  services: Services,
  id: string,
  check: CheckRequest,
  bearer: Bearer,
  now: number,
  isInForce: (facts: CheckFacts) => boolean,
): Promise<DecidedCheck | undefined> {
  const { arrival, judge, find } = decidingOf(services, id, check, now);
  let findings: readonly Finding[] = [];
  const decision = await services.fleet.answerCheck(
    { ...arrival, bearer },
    (facts) => (isInForce(facts) ? judge(facts) : undefined),
    (facts) => {
      findings = find(facts);
      return findings;
    },
  );
  return decision && { decision, findings };
}

/** What is asked of the database for one check, and how it is judged by the plan as this process knows it. */
function decidingOf({ campaigns, catalog, permits }: Services, id: string, check: CheckRequest, now: number) {
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
