/** Limits on how often one caller may ask; the answer beyond is 429 with Retry-After. */
import type { RateLimitOptions } from '@fastify/rate-limit';
import type { FastifyRequest } from 'fastify';
import { SlipwayError } from '../../contract/errors.ts';
import { hashToken } from '../fleet/token.ts';

/** Callers remembered at once; the least recent are forgotten first. */
const rememberedCallers = 100_000;

export function perMinute(max: number, keyGenerator: (request: FastifyRequest) => string): RateLimitOptions {
  return { max, timeWindow: 60_000, keyGenerator, cache: rememberedCallers };
}

/**
 * One device by the token it shows, or one address without: a stranger who knows a device's id cannot use up the
 * device's share.
 */
export function callerOf(request: FastifyRequest): string {
  const { authorization } = request.headers;
  return authorization === undefined ? request.ip : `${request.ip} ${hashToken(authorization)}`;
}

export function rateLimited(seconds: number): SlipwayError {
  return new SlipwayError('rate-limited', 'too many requests', { hint: `Ask again in ${seconds} seconds.` });
}
