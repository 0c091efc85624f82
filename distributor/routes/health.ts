/**
 * `/healthz` says that the process answers. `/readyz` says that it can serve devices: the database keeps what it is
 * given, the store was read, and there is room for a download.
 */
import * as z from 'zod';
import { describeError, type SlipwayError, toSlipwayError } from '../../contract/errors.ts';
import type { EndingRole } from '../../system/signing/ending-roles.ts';
import type { App } from '../http/fastify-app.ts';
import type { Services } from '../services.ts';

export const livenessSchema = z.object({ ok: z.literal(true) });

export const readinessSchema = z.object({
  ready: z.boolean(),
  /** False until rollouts and store were looked at for the first time. */
  started: z.boolean(),
  database: z.enum(['ok', 'unavailable']),
  /** Why it is not: `disk-full`, `database-unavailable`, `database-damaged`. */
  databaseCode: z.string().optional(),
  /** `stale`: the store cannot be read now, and what was read before is in force. */
  catalog: z.enum(['ok', 'stale', 'empty']),
  /** Code of the failure of the store, where there is one. */
  code: z.string().optional(),
  /** `stale`: what is declared now is not in force, and what was applied last is. */
  plan: z.enum(['ok', 'stale']),
  planCode: z.string().optional(),
  /** Of the role that ends first: `ending` weeks before root, targets or a product ends. */
  metadata: z.enum(['ok', 'ending', 'ended']),
  metadataRole: z.string().optional(),
  metadataEnds: z.iso.datetime().optional(),
  /** Why the online key of this server signs nothing. */
  signingCode: z.string().optional(),
  /** `full`: as many downloads are under way as this server sends at once; another is answered 503. */
  downloads: z.enum(['ok', 'full']),
});

/** Asked more often, the database is not asked again: anybody may ask. */
const freshMs = 1000;

/** @returns the problem of the database, undefined where there is none; one look serves all who ask meanwhile */
function databaseLook({ fleet, clock }: Pick<Services, 'fleet' | 'clock'>): () => Promise<SlipwayError | undefined> {
  let looking: Promise<SlipwayError | undefined> | undefined;
  let goodAt: number | undefined;
  const look = async () => {
    const problem = await fleet.ping().then(() => undefined, toSlipwayError);
    // A trouble is looked at anew each time: what heals is told at once.
    goodAt = problem ? undefined : clock();
    looking = undefined;
    return problem;
  };
  return async () => {
    if (goodAt !== undefined && Math.abs(clock() - goodAt) < freshMs) return undefined;
    looking ??= look();
    return looking;
  };
}

function metadataOf([first]: readonly EndingRole[]) {
  if (!first) return { metadata: 'ok' as const };
  const { role: metadataRole, expires: metadataEnds, hasEnded } = first;
  return { metadata: hasEnded ? ('ended' as const) : ('ending' as const), metadataRole, metadataEnds };
}

export function healthRoute(app: App, services: Services): void {
  const { catalog, reconciler, downloads, isStarted, freshness, clock } = services;
  const lookAtDatabase = databaseLook(services);
  let logged: string | undefined;
  app.get(
    '/healthz',
    {
      schema: {
        operationId: 'getLiveness',
        tags: ['operations'],
        summary: 'Alive',
        response: { 200: livenessSchema },
      },
    },
    async () => ({ ok: true as const }),
  );

  app.get(
    '/readyz',
    {
      schema: {
        operationId: 'getReadiness',
        tags: ['operations'],
        summary: 'Ready to serve devices',
        response: { 200: readinessSchema, 503: readinessSchema },
      },
    },
    async (request, reply) => {
      const { refreshedAt, problem } = catalog.state;
      const trouble = await lookAtDatabase();
      if (trouble && trouble.code !== logged) request.log.error(describeError(trouble), 'not ready');
      logged = trouble?.code;
      const started = isStarted();
      const ready = started && trouble === undefined && refreshedAt !== undefined && !downloads.isFull;
      return reply.code(ready ? 200 : 503).send({
        ready,
        started,
        database: trouble ? 'unavailable' : 'ok',
        ...(trouble ? { databaseCode: trouble.code } : {}),
        catalog: refreshedAt === undefined ? 'empty' : problem ? 'stale' : 'ok',
        ...(problem ? { code: problem.code } : {}),
        plan: reconciler.problem ? 'stale' : 'ok',
        ...(reconciler.problem ? { planCode: reconciler.problem.code } : {}),
        ...metadataOf(catalog.endingRoles(new Date(clock()))),
        ...(freshness?.problem ? { signingCode: freshness.problem.code } : {}),
        downloads: downloads.isFull ? 'full' : 'ok',
      });
    },
  );
}
