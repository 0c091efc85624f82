/**
 * Refuses answers that depend on rollouts or releases while a server that listens knows neither. It gives bytes
 * meanwhile.
 */
import { SlipwayError } from '../../contract/errors.ts';
import type { Services } from '../services.ts';
import type { App } from './fastify-app.ts';

/** What needs nothing but the store. */
const always = ['/v1/metadata/', '/v1/targets/', '/v1/blobs/'];
const retrySeconds = 5;

export function refuseBeforeStart(app: App, { isStarted }: Services): void {
  app.addHook('onRequest', (request, reply, next) => {
    const { url = '' } = request.routeOptions;
    if (isStarted() || !url.startsWith('/v1/') || always.some((prefix) => url.startsWith(prefix))) return next();
    reply.header('retry-after', retrySeconds);
    const hint = 'Ask again in a few seconds.';
    next(new SlipwayError('starting', 'the server is starting and has not read rollouts and store yet', { hint }));
  });
}
