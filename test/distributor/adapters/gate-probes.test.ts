import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { gateProbes } from '../../../distributor/adapters/gate-probes.ts';
import type { GateCheck } from '../../../distributor/declaration/gate.ts';
import { proxiesOfEnvironment } from '../../../system/network/proxy.ts';
import { ForwardProxy } from '../../fakes/forward-proxy.ts';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

let handler: Handler = (_request, response) => response.end();
const asked: string[] = [];
const server = createServer((request, response) => {
  asked.push(request.url ?? '');
  handler(request, response);
});
const probes = gateProbes({ timeoutMs: 200, maxAnswerBytes: 10_000 });
let base = '';

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => {
  asked.length = 0;
});
afterAll(async () => {
  await probes.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const http = (status = 200): GateCheck => ({ name: 'page', http: { url: `${base}/ok`, status } });
const prometheus = (op: '<' | '>=' | '!=', value: number): GateCheck => ({
  name: 'errors',
  prometheus: { url: `${base}/prom/`, query: 'sum(rate(errors[5m])) / 2', op, value },
});
const answering =
  (body: unknown, status = 200): Handler =>
  (_request, response) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
const vector = (...values: string[]) => ({
  status: 'success',
  data: { resultType: 'vector', result: values.map((value) => ({ metric: {}, value: [1, value] })) },
});

const trickling: Handler = (_request, response) => {
  response.writeHead(200);
  const drip = setInterval(() => response.write('.'), 20);
  response.on('close', () => clearInterval(drip));
};

describe('an HTTP check', () => {
  it('passes on the expected status and says when it was asked', async () => {
    handler = (_request, response) => response.writeHead(204).end();
    expect(await probes.ask(http(204), 17)).toMatchObject({ name: 'page', verdict: 'passed', askedAt: 17 });
  });

  it('fails on another status, with both numbers', async () => {
    handler = (_request, response) => response.writeHead(503).end('busy');
    expect(await probes.ask(http(), 0)).toMatchObject({ verdict: 'failed', detail: '503 where 200 is expected.' });
  });

  it('follows no redirect: the status is the answer', async () => {
    handler = (_request, response) => response.writeHead(302, { location: `${base}/elsewhere` }).end();
    expect(await probes.ask(http(), 0)).toMatchObject({ verdict: 'failed' });
    expect(asked).toEqual(['/ok']);
  });

  it('is unknown when nobody answers in time', async () => {
    handler = () => undefined;
    expect(await probes.ask(http(), 0)).toMatchObject({ verdict: 'unknown' });
  });

  it('is unknown when nobody listens', async () => {
    const check: GateCheck = { name: 'page', http: { url: 'http://127.0.0.1:1/', status: 200 } };
    expect(await probes.ask(check, 0)).toMatchObject({ verdict: 'unknown', detail: 'Cannot be asked: ECONNREFUSED.' });
  });

  it('does not wait for a body that trickles without an end', async () => {
    handler = trickling;
    expect(await probes.ask(http(), 0)).toMatchObject({ verdict: 'passed' });
  });
});

describe('a Prometheus check', () => {
  it('asks an instant query below the path of the server', async () => {
    handler = answering(vector('0.5'));
    expect(await probes.ask(prometheus('<', 1), 0)).toMatchObject({ verdict: 'passed' });
    expect(asked).toEqual([
      `/prom/api/v1/query?query=${new URLSearchParams({ q: 'sum(rate(errors[5m])) / 2' }).toString().slice(2)}`,
    ]);
  });

  it.each([
    ['one sample of several does not compare', vector('0.5', '2'), 'failed'],
    ['the sample is not a number', vector('NaN'), 'failed'],
    ['the sample is infinite', vector('+Inf'), 'failed'],
    ['the query gives a scalar', { status: 'success', data: { resultType: 'scalar', result: [1, '0.25'] } }, 'passed'],
    ['the query gives nothing', vector(), 'unknown'],
    ['the query gives a range', { status: 'success', data: { resultType: 'matrix', result: [] } }, 'unknown'],
    ['the server reports an error', { status: 'error', errorType: 'bad_data' }, 'unknown'],
    ['the answer is no JSON object', 'no', 'unknown'],
  ])('when %s', async (_case, body, verdict) => {
    handler = answering(body);
    expect(await probes.ask(prometheus('<', 1), 0)).toMatchObject({ verdict });
  });

  it('lets NaN pass nothing, not even !=', async () => {
    handler = answering(vector('NaN'));
    expect(await probes.ask(prometheus('!=', 1), 0)).toMatchObject({ verdict: 'failed' });
  });

  it('is unknown on another status than 200', async () => {
    handler = answering(vector('0.5'), 422);
    expect(await probes.ask(prometheus('>=', 0), 0)).toMatchObject({ verdict: 'unknown' });
  });

  it('is unknown when the answer trickles without an end', async () => {
    handler = trickling;
    expect(await probes.ask(prometheus('<', 1), 0)).toMatchObject({ verdict: 'unknown' });
  });

  it('is unknown when the answer is longer than allowed', async () => {
    handler = answering(vector(...Array.from({ length: 5000 }, () => '0.5')));
    expect(await probes.ask(prometheus('<', 1), 0)).toMatchObject({ verdict: 'unknown' });
  });
});

it('are asked through the proxy of the environment, which alone knows where they are', async () => {
  await using proxy = await ForwardProxy.open({ credentials: 'user:s3cret' });
  proxy.leads.set('prometheus.example.test:80', Number(new URL(base).port));
  handler = answering(vector('3'));
  const check: GateCheck = {
    name: 'errors',
    prometheus: { url: 'http://prometheus.example.test', query: 'up', op: '<', value: 4 },
  };
  const verdicts: string[] = [];
  for (const ALL_PROXY of [proxy.urlWithCredentials, proxy.url]) {
    const behind = gateProbes({ timeoutMs: 2000, proxies: proxiesOfEnvironment({ ALL_PROXY }) });
    verdicts.push((await behind.ask(check, 0)).verdict);
    await behind.close();
  }
  expect(verdicts).toEqual(['passed', 'unknown']);
  expect(proxy.asked).toEqual(Array(2).fill('CONNECT prometheus.example.test:80'));
});
