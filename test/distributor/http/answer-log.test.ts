import { expect, it } from 'vitest';
import { idleDevice, SmallFleet } from '../../fakes/small-fleet.ts';

/** The lines of one request, asked over a connection. */
async function linesOf(ask: (small: SmallFleet, base: string) => Promise<unknown>) {
  const log: Record<string, unknown>[] = [];
  await using small = await SmallFleet.open({ log });
  const base = await small.app.listen({ host: '127.0.0.1', port: 0 });
  await ask(small, base);
  await expect.poll(() => log.length).toBeGreaterThan(0);
  return log;
}

it('a check is one line, with the decision and its reason', async () => {
  const log = await linesOf(async (small, base) => {
    const token = await small.enrol('gate-1');
    await expect
      .poll(() => small.metrics.registry.getSingleMetricAsString('slipway_http_requests_total'))
      .toContain('enrol');
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    await fetch(`${base}/v1/devices/gate-1/check`, { method: 'POST', headers, body: JSON.stringify(idleDevice) });
  });
  const checks = log.filter(({ url }) => String(url).endsWith('/check'));
  expect(checks).toMatchObject([
    {
      level: 30,
      msg: 'checked',
      method: 'POST',
      status: 200,
      deviceId: 'gate-1',
      decision: 'none',
      ms: expect.any(Number),
    },
  ]);
});

it.each([
  ['/healthz', { level: 30, msg: 'answered', status: 200 }],
  ['/nothing', { level: 30, status: 404 }],
  [`/v1/blobs/sha256/${'a'.repeat(64)}`, { level: 30, status: 404, code: 'blob-missing' }],
  ['/%zz', { level: 30, status: 400, code: 'usage' }],
])('%s is one line', async (url, expected) => {
  const log = await linesOf((_small, base) => fetch(base + url));
  expect(log).toMatchObject([{ ...expected, url }]);
});
