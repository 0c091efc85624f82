/**
 * Turns requests away while the event loop is late. Looks at nothing but the loop: a sample that has to open a file
 * fails just when files run out, and nobody would catch it in a timer.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { FastifyInstance } from 'fastify';
import { SlipwayError } from '../../contract/errors.ts';

interface PressureBounds {
  /** Mean of a sample. */
  readonly maxDelayMs: number;
  readonly retrySeconds: number;
}

const sampleIntervalMs = 1000;
const resolutionMs = 10;
/** A monitor must still see that it is alive and why it is slow. */
const alwaysAnswered = ['/healthz', '/readyz', '/metrics'];

export function turnAwayUnderPressure(app: FastifyInstance, { maxDelayMs, retrySeconds }: PressureBounds): void {
  const delays = monitorEventLoopDelay({ resolution: resolutionMs });
  delays.enable();
  let delayMs = 0;
  const sample = setInterval(() => {
    const mean = delays.mean / 1e6 - resolutionMs;
    delayMs = Number.isNaN(mean) ? 0 : Math.max(0, mean);
    delays.reset();
  }, sampleIntervalMs);
  sample.unref();
  app.addHook('onClose', async () => {
    clearInterval(sample);
    delays.disable();
  });
  app.addHook('onRequest', async (request, reply) => {
    if (delayMs <= maxDelayMs || alwaysAnswered.includes(request.routeOptions.url ?? '')) return;
    reply.header('retry-after', retrySeconds);
    throw new SlipwayError('overloaded', 'the server has too much to do', { hint: 'Ask again a little later.' });
  });
}
