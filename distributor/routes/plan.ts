/** `/v1/plan` shows what is in force, by whom and since when; `PUT` brings another, where plans come by API. */
import type { FastifyRequest } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import * as z from 'zod';
import { limits } from '../../contract/limits.ts';
import { describeWithProblems } from '../declaration/problem.ts';
import type { AccessRule, Allowed } from '../fleet/access/authorise.ts';
import { requireWhole } from '../fleet/access/sight.ts';
import { allow, sightBy } from '../http/access.ts';
import type { App } from '../http/fastify-app.ts';
import {
  appliedPlanViewOf,
  appliedPlanViewSchema,
  planAnswerSchema,
  planProblemViewSchema,
} from '../reconcile/applied-plan.ts';
import type { Services } from '../services.ts';

const yamlTypes = ['application/yaml', 'application/x-yaml', 'text/yaml', 'text/x-yaml'];
const maxShown = 1000;
const maxNameLength = 512;

/** YAML as it is, or files. */
export const sentPlanSchema = z.union([
  z.string(),
  z.strictObject({
    files: z
      .array(z.strictObject({ name: z.string().min(1).max(maxNameLength), text: z.string() }))
      .max(limits.maxDeclaredFiles),
    /** What the change is about. */
    subject: z.string().max(200).default(''),
  }),
]);

export const planViewSchema = z.object({
  /** Where plans come from; `api` where they come by PUT. */
  source: z.string(),
  /** Absent before the first plan. */
  applied: appliedPlanViewSchema.optional(),
  /** As it is understood: defaults filled in, times in seconds. */
  plan: z.object({ fleet: z.unknown(), groups: z.array(z.unknown()), rollouts: z.array(z.unknown()) }),
  /** Why what the source holds now is not in force. Absent when it is. */
  refused: planProblemViewSchema.optional(),
});

export const planHistorySchema = z.object({ applied: z.array(appliedPlanViewSchema) });

export function planRoute(app: App, services: Services): void {
  const { reconciler, fleet } = services;
  app.get(
    '/v1/plan',
    {
      schema: {
        operationId: 'getPlan',
        tags: ['plan'],
        summary: 'The plan in force, who wrote it, and why a newer one is not in force',
        security: [{ bearer: [] }],
        response: { 200: planViewSchema },
      },
    },
    async (request) => {
      await allowPlan(request, { scope: 'rollouts:read' }, services);
      const { applied, refusal, plan, location } = reconciler;
      return {
        source: location ?? 'api',
        ...(applied ? { applied: appliedPlanViewOf(applied) } : {}),
        plan: { ...plan, groups: [...plan.groups], rollouts: [...plan.rollouts] },
        ...(refusal ? { refused: { ...refusal.snapshot, ...describeWithProblems(refusal.problem) } } : {}),
      };
    },
  );

  app.get(
    '/v1/plan/history',
    {
      schema: {
        operationId: 'listAppliedPlans',
        tags: ['plan'],
        summary: 'Plans that came into force, newest first, each with its author and what it changed',
        security: [{ bearer: [] }],
        querystring: z.object({ limit: z.coerce.number().int().min(1).max(maxShown).default(50) }),
        response: { 200: planHistorySchema },
      },
    },
    async (request) => {
      await allowPlan(request, { scope: 'rollouts:read' }, services);
      return { applied: (await fleet.listAppliedPlans(request.query.limit)).map(appliedPlanViewOf) };
    },
  );

  // In a scope of its own: only here a body is YAML.
  app.register(async (scope) => {
    scope.addContentTypeParser(yamlTypes, { parseAs: 'string' }, (_request, body, done) => done(null, body));
    putPlan(scope.withTypeProvider<ZodTypeProvider>() as unknown as App, services);
  });
}

/**
 * A plan is of the fleet as a whole: who does not reach all of it neither reads nor applies one.
 * @throws SlipwayError as `allow`
 */
async function allowPlan(request: FastifyRequest, access: AccessRule, services: Services): Promise<Allowed> {
  const allowed = await allow(request, access, services);
  requireWhole(sightBy(allowed, services), allowed.reaches, 'a plan is of the whole fleet');
  return allowed;
}

function putPlan(app: App, services: Services): void {
  app.put(
    '/v1/plan',
    {
      bodyLimit: limits.maxDeclaredBytes,
      schema: {
        operationId: 'applyPlan',
        tags: ['plan'],
        summary: 'Apply a plan: YAML documents, or files as JSON; the answer says what it changes',
        security: [{ bearer: [] }],
        consumes: ['application/json', ...yamlTypes],
        querystring: z.object({
          /** Only say what would change. */
          dryRun: z.stringbool().default(false),
        }),
        body: sentPlanSchema,
        response: { 200: planAnswerSchema },
      },
    },
    async (request) => {
      const { dryRun } = request.query;
      const { caller } = await allowPlan(request, { scope: 'rollouts:apply', changes: !dryRun }, services);
      const sent =
        typeof request.body === 'string'
          ? { files: [{ name: 'body', text: request.body }], subject: '' }
          : request.body;
      const plan = await services.reconciler.apply({ ...sent, author: caller.actor }, { dryRun });
      return { dryRun, ...appliedPlanViewOf(plan) };
    },
  );
}
