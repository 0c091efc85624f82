/**
 * Turns requests away while the event loop stays late. One long turn, such as a large refresh, is over when it is seen;
 * two late ticks in a row are too much work. Looks at nothing but the clock: a sample that has to open a file fails just
 * when files run out, and nobody would catch it in a timer.
 */
import type { FastifyInstance } from 'fastify';
import { SlipwayError } from '../../contract/errors.ts';

interface PressureBounds {
  /** Of a tick, behind its time. */
  readonly maxDelayMs: number;
  readonly retrySeconds: number;
}

const tickMs = 1000;
const ticksInARow = 2;
/** A monitor must still see that it is alive and why it is slow. */
const alwaysAnswered = ['/healthz', '/readyz', '/metrics'];

export function turnAwayUnderPressure(app: FastifyInstance, { maxDelayMs, retrySeconds }: PressureBounds): void {
  let tickedAt = performance.now();
  let late = 0;
  const ticks = setInterval(() => {
    const now = performance.now();
    late = now - tickedAt - tickMs > maxDelayMs ? late + 1 : 0;
    tickedAt = now;
  }, tickMs);
  ticks.unref();
  app.addHook('onClose', async () => clearInterval(ticks));
  app.addHook('onRequest', async (request, reply) => {
    if (late < ticksInARow || alwaysAnswered.includes(request.routeOptions.url ?? '')) return;
    reply.header('retry-after', retrySeconds);
    throw new SlipwayError('overloaded', 'the server has too much to do', { hint: 'Ask again a little later.' });
  });
}
