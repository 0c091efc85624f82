/** Limits how often one caller may ask; the answer beyond is 429 with Retry-After. */
import type { RateLimitOptions } from '@fastify/rate-limit';
import type { FastifyRequest } from 'fastify';
import { SlipwayError } from '../../contract/errors.ts';
import { bearerToken, hashToken } from '../fleet/access/token.ts';

/** Callers remembered at once; the least recent are forgotten first. */
const rememberedCallers = 100_000;

export function perMinute(max: number, keyGenerator: (request: FastifyRequest) => string): RateLimitOptions {
  return { max, timeWindow: 60_000, keyGenerator, cache: rememberedCallers };
}

/**
 * One device by the token it shows, however it is spelled and wherever it comes from, or one address without a token: a
 * stranger who knows a device's id cannot use up the device's share.
 */
export function callerOf(request: FastifyRequest): string {
  const token = bearerToken(request.headers.authorization);
  return token === undefined ? request.ip : hashToken(token);
}

export function rateLimited(seconds: number): SlipwayError {
  return new SlipwayError('rate-limited', 'too many requests', { hint: `Ask again in ${seconds} seconds.` });
}
