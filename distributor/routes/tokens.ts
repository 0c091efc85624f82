/** `/v1/tokens` makes, lists and revokes tokens for devices to come, people and CI, for callers with that scope. */
import * as z from 'zod';
import { type Allowed, authoriseGiving, outOfReach } from '../fleet/access/authorise.ts';
import { covers, reachOf, reachWords } from '../fleet/access/reach.ts';
import { enrolmentReach, seesToken } from '../fleet/access/sight.ts';
import { makeToken, type TokenOrder, tokenOrderSchema } from '../fleet/access/token-order.ts';
import { revokeToken } from '../fleet/access/token-revocation.ts';
import {
  listTokens,
  madeTokenSchema,
  tokenCursorSchema,
  tokenPageSchema,
  tokenQuerySchema,
  tokenStandingSchema,
} from '../fleet/access/token-view.ts';
import type { TokenRecord } from '../fleet/ports.ts';
import { allow, sightBy } from '../http/access.ts';
import type { App } from '../http/fastify-app.ts';
import type { Services } from '../services.ts';

const maxPage = 1000;

export function tokensRoute(app: App, services: Services): void {
  const { fleet, clock, randomBytes, reconciler } = services;
  const seesBy = (allowed: Allowed) => {
    const { reaches } = allowed;
    const seer = { sight: sightBy(allowed, services), reaches };
    return (token: TokenRecord) => seesToken(seer, fleet, token);
  };
  app.post(
    '/v1/tokens',
    {
      schema: {
        operationId: 'createToken',
        tags: ['tokens'],
        summary: 'Make a token; its text is in this answer and nowhere else',
        security: [{ bearer: [] }],
        body: tokenOrderSchema,
        response: { 201: madeTokenSchema },
      },
    },
    async (request, reply) => {
      const allowed = await allow(request, { scope: 'tokens:control' }, services);
      const { caller } = allowed;
      const order = request.body;
      authoriseOrder(allowed, order);
      const made = await makeToken(fleet, order, {
        actor: caller.actor,
        at: clock(),
        randomBytes,
        plan: reconciler.plan,
      });
      return reply.code(201).header('cache-control', 'no-store').send(made);
    },
  );

  app.get(
    '/v1/tokens',
    {
      schema: {
        operationId: 'listTokens',
        tags: ['tokens'],
        summary: 'List tokens, oldest first, never their text',
        security: [{ bearer: [] }],
        querystring: tokenQuerySchema.extend({
          after: tokenCursorSchema.optional(),
          limit: z.coerce.number().int().min(1).max(maxPage).default(100),
        }),
        response: { 200: tokenPageSchema },
      },
    },
    async (request) => {
      const sees = seesBy(await allow(request, { scope: 'tokens:control' }, services));
      // Of this one, too: a person who lists tokens looks for unused ones.
      await services.tokenUse.save(fleet);
      const { after, limit, ...query } = request.query;
      return listTokens(fleet, query, { after, limit }, clock(), sees);
    },
  );

  app.post(
    '/v1/tokens/:id/revoke',
    {
      schema: {
        operationId: 'revokeToken',
        tags: ['tokens'],
        summary: 'Refuse a token from the next request on',
        security: [{ bearer: [] }],
        params: z.object({ id: z.string().min(1).max(64) }),
        response: { 200: tokenStandingSchema },
      },
    },
    async (request) => {
      const allowed = await allow(request, { scope: 'tokens:control' }, services);
      const said = { actor: allowed.caller.actor, at: clock() };
      return revokeToken(fleet, request.params.id, said, seesBy(allowed));
    },
  );
}

/** @throws SlipwayError `forbidden`, `out-of-reach` */
function authoriseOrder({ caller, reaches }: Allowed, order: TokenOrder): void {
  if ('scopes' in order) {
    authoriseGiving(caller, order.scopes, reachOf(order));
    return;
  }
  if (reaches.some((outer) => covers(outer, enrolmentReach(order)))) return;
  const bounds = reaches.map(reachWords).join(', or ');
  throw outOfReach(
    `this token is for ${bounds}, so it lets in no other devices`,
    'Name its products or groups for the new token.',
  );
}
