/** Requests are turned away while the event loop stays late, and not for one long turn. */
import { setTimeout as pause } from 'node:timers/promises';
import Fastify from 'fastify';
import { expect, it } from 'vitest';
import { turnAwayUnderPressure } from '../../../distributor/http/event-loop-pressure.ts';

/** Keeps the loop for so long, without work for the processor. */
const hold = (ms: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

it('turns requests away while the loop is held again and again, but for a monitor, and not after one long turn', async () => {
  const app = Fastify();
  turnAwayUnderPressure(app, { maxDelayMs: 300, retrySeconds: 7 });
  app.setErrorHandler((error, _request, reply) => reply.status(503).send({ code: (error as { code?: string }).code }));
  app.get('/', async () => 'here');
  app.get('/healthz', async () => 'alive');
  await app.ready();
  const ask = async (path: string) => {
    const { statusCode, headers } = await app.inject(path);
    return statusCode === 503 ? `503, again in ${headers['retry-after']} s` : statusCode;
  };
  hold(3000);
  await pause(100);
  expect(await ask('/')).toBe(200);

  const deadline = Date.now() + 60_000;
  let answer = await ask('/');
  for (; answer === 200 && Date.now() < deadline; answer = await ask('/')) {
    hold(1500);
    await pause(1);
  }
  expect(answer).toBe('503, again in 7 s');
  expect(await ask('/healthz')).toBe(200);
  for (; answer !== 200 && Date.now() < deadline; answer = await ask('/')) await pause(100);
  expect(answer).toBe(200);
  await app.close();
});
