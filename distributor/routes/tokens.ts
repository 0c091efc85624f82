/** `/v1/tokens` makes, lists and revokes tokens for devices to come, people and CI, for callers with that scope. */
import * as z from 'zod';
import { actorOf } from '../events/audit.ts';
import { authoriseGiving } from '../fleet/authorise.ts';
import { makeToken, tokenOrderSchema } from '../fleet/token-order.ts';
import { revokeToken } from '../fleet/token-revocation.ts';
import {
  listTokens,
  madeTokenSchema,
  tokenCursorSchema,
  tokenPageSchema,
  tokenQuerySchema,
  tokenStandingSchema,
} from '../fleet/token-view.ts';
import { allow } from '../http/access.ts';
import type { App } from '../http/fastify-app.ts';
import type { Services } from '../services.ts';

const maxPage = 1000;

export function tokensRoute(app: App, services: Services): void {
  const { fleet, clock, randomBytes } = services;
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
      const token = await allow(request, { scope: 'tokens:control' }, services);
      const order = request.body;
      if ('scopes' in order) authoriseGiving(token, order.scopes);
      const made = await makeToken(fleet, order, { actor: actorOf(token), at: clock(), randomBytes });
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
      await allow(request, { scope: 'tokens:control' }, services);
      // Of this one, too: a person who lists tokens looks for unused ones.
      await services.tokenUse.save(fleet);
      const { after, limit, ...query } = request.query;
      return listTokens(fleet, query, { after, limit }, clock());
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
      const token = await allow(request, { scope: 'tokens:control' }, services);
      return revokeToken(fleet, request.params.id, { actor: actorOf(token), at: clock() });
    },
  );
}
