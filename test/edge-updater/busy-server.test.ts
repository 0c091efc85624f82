/** A server that has too much to do: the device keeps away as long as it is told to, and no two come back at once. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CheckRequest } from '../../contract/device-api/check.ts';
import { HttpServer } from '../../edge-updater/adapters/network/http-server.ts';
import { runDaemon } from '../../edge-updater/device/daemon.ts';
import { ServerBusy } from '../../edge-updater/device/server-busy.ts';
import { EdgeDevice, never } from '../fakes/edge-device.ts';
import { product } from '../fakes/signed-repository.ts';

const request: CheckRequest = {
  ...{ schemaVersion: 1, updaterVersion: '0.1.0', product, platform: 'linux/amd64', counterFloor: 0, phase: 'idle' },
  ...{ rejected: [], labels: {} },
};

/** What a device makes of one answer to its check, over real HTTP. */
async function checkAgainst(status: number, headers: Record<string, string>, body = '{}'): Promise<unknown> {
  const server = createServer((_, response) => response.writeHead(status, headers).end(body));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = new HttpServer({
    ...{ server: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, deviceId: 'wt-1', userAgent: 'test' },
    ...{ caFile: undefined, developmentAllowHttp: true, stallSeconds: 5 },
    token: async () => `slp_device_${'d'.repeat(43)}`,
  });
  try {
    return await client.check(request, never).catch((error: unknown) => error);
  } finally {
    await client.close();
    server.close();
  }
}

describe('an answer to a check', () => {
  const date = 'Tue, 01 Dec 2026 00:00:00 GMT';
  it.each([
    [429, { 'retry-after': '120' }, { code: 'server-unreachable', retryAfterSeconds: 120 }],
    [503, { 'retry-after': '7' }, { code: 'server-unreachable', retryAfterSeconds: 7 }],
    // Measured against the server's own clock: this machine's may be wrong by years.
    [503, { date, 'retry-after': 'Tue, 01 Dec 2026 00:05:00 GMT' }, { retryAfterSeconds: 300 }],
    [429, { 'retry-after': '99999999' }, { retryAfterSeconds: 3600 }],
  ])('%i with %o says how long to keep away', async (status, headers, expected) => {
    const error = await checkAgainst(status, headers);
    expect(error).toBeInstanceOf(ServerBusy);
    expect(error).toMatchObject(expected);
  });

  it('keeps the code that the server gave', async () => {
    const body = JSON.stringify({ code: 'rate-limited', message: 'slow down' });
    expect(await checkAgainst(429, { 'retry-after': '60' }, body)).toMatchObject({
      ...{ code: 'rate-limited', retryAfterSeconds: 60, retryable: true },
    });
  });

  it.each([
    [429, {}, 'server-unreachable'],
    [503, { 'retry-after': 'soon' }, 'server-unreachable'],
    [403, { 'retry-after': '60' }, 'server-refused'],
  ])('%i with %o does not', async (status, headers, code) => {
    const error = await checkAgainst(status, headers);
    expect(error).not.toBeInstanceOf(ServerBusy);
    expect(error).toMatchObject({ code });
  });
});

describe('the daemon', () => {
  let edge: EdgeDevice;
  beforeEach(() => {
    edge = new EdgeDevice();
  });
  afterEach(() => edge.remove());

  /** Seconds between the polls of a device with this chance, while the server sends it away. */
  async function waits(polls: number, random: number, refusal: Error): Promise<number[]> {
    const device = edge.start();
    edge.clock.random = () => random;
    edge.server.check = () => Promise.reject(refusal);
    edge.clock.slept.length = 0;
    const end = new AbortController();
    let count = 0;
    const options = {
      ...{ intervalSeconds: 900, jitterPercent: 20, backoff: { baseSeconds: 15, capSeconds: 900 } },
      onReady: () => undefined,
      onPolled: () => {
        count++;
        if (count > polls) end.abort();
      },
    };
    await runDaemon(device, options, end.signal).catch(() => undefined);
    return edge.clock.slept.slice(0, polls);
  }

  it('never comes back before the time that it was given', async () => {
    for (const random of [0, 0.3, 0.999]) {
      for (const wait of await waits(4, random, new ServerBusy('rate-limited', 'slow down', 120))) {
        expect(wait).toBeGreaterThanOrEqual(120);
      }
    }
  });

  it('is spread over a time that grows while the flood lasts', async () => {
    const chances = Array.from({ length: 20 }, (_, index) => index / 20);
    const all: number[][] = [];
    for (const random of chances) all.push(await waits(4, random, new ServerBusy('overloaded', 'too much', 60)));
    const spread = [0, 1, 2, 3].map((poll) => {
      const at = all.map((wait) => wait[poll] ?? 0);
      expect(new Set(at).size).toBe(chances.length);
      return Math.max(...at) - Math.min(...at);
    });
    expect(spread).toEqual([...spread].sort((a, b) => a - b));
    expect(spread[3]).toBeGreaterThan((spread[0] ?? 0) * 4);
  });

  it('backs off by itself where a refusal gives no time, and never for longer than the interval', async () => {
    const refusal = new Error('connection refused');
    expect(await waits(3, 0.5, refusal)).toEqual([7.5, 15, 30]);
    expect(Math.max(...(await waits(12, 0.999, refusal)))).toBeLessThanOrEqual(900);
  });
});
