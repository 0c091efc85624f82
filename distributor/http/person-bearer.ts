/** Finds the bearer of a person in a request, and bounds how often one address may have such bearers verified. */
import type { FastifyInstance } from 'fastify';
import { limits } from '../../contract/limits.ts';
import type { App } from './fastify-app.ts';
import { rateLimited } from './rate-limits.ts';

/** Far above what people do, far below what verifying signatures would cost. */
const verifiedPerMinute = 600;

/** @param header the `Authorization` field; undefined for anything but one bearer of the form of a signed JWT */
export function personBearer(header: string | undefined): string | undefined {
  const [, text] = /^Bearer +([\w-]+\.[\w-]+\.[\w-]*)$/i.exec(header ?? '') ?? [];
  return text === undefined || text.length > limits.maxPersonBearerBytes ? undefined : text;
}

/** Before any signature is looked at. Call it after the plugin of rate limits. */
export function boundPersonBearers(app: App): void {
  const plain = app as unknown as FastifyInstance;
  const check = plain.createRateLimit({ max: verifiedPerMinute, timeWindow: 60_000, keyGenerator: ({ ip }) => ip });
  plain.addHook('preHandler', async (request) => {
    if (personBearer(request.headers.authorization) === undefined) return;
    const limit = await check(request);
    if (!limit.isAllowed && limit.isExceeded) throw rateLimited(limit.ttlInSeconds);
  });
}
