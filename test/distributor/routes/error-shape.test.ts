/** Every answer that is no success has the documented shape, also where no route was reached. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { errorAnswerSchema } from '../../../contract/device-api/enrolment.ts';
import { isErrorCode } from '../../../contract/errors.ts';
import { SmallFleet } from '../../fakes/small-fleet.ts';

let small: SmallFleet;
let port: number;
beforeAll(async () => {
  small = await SmallFleet.open();
  port = Number(new URL(await small.app.listen({ port: 0, host: '127.0.0.1' })).port);
});
afterAll(() => small[Symbol.asyncDispose]());

/** Sends bytes as they are. @returns the answer, its status and header fields by lower-case name */
async function send(bytes: string) {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write(bytes);
  const answer = await text(socket);
  const end = answer.indexOf('\r\n\r\n');
  const [first = '', ...fields] = answer.slice(0, end).split('\r\n');
  const header = Object.fromEntries(
    fields.map((field) => [
      field.slice(0, field.indexOf(':')).toLowerCase(),
      field.slice(field.indexOf(':') + 1).trim(),
    ]),
  );
  return { status: Number(first.split(' ')[1]), header, body: answer.slice(end + 4) };
}

const get = (path: string, ...fields: string[]) => ['GET', path, ...fields] as const;
const host = 'Host: x';
const json = 'Content-Type: application/json';

it.each<[string, readonly string[], number, string, string?]>([
  ['a path that is not there', get('/nowhere', host), 404, 'not-found'],
  ['a path with broken escapes', get('/v1/devices/%zz', host), 400, 'usage'],
  ['a path with a lone %', get('/%', host), 400, 'usage'],
  ['a path that is no UTF-8', get('/v1/devices/%ff', host), 400, 'usage'],
  ['a segment that is too long', get(`/v1/devices/${'a'.repeat(400)}`, host), 414, 'usage'],
  ['a target that is no path', get('http://[', host), 400, 'usage'],
  ['a method that the path does not have', ['DELETE', '/v1/devices/a', host], 405, 'GET, HEAD'],
  ['a POST to what is read', ['POST', '/healthz', host, 'Content-Length: 0'], 405, 'GET, HEAD'],
  ['a GET to what is done', get('/v1/enrol', host), 405, 'POST'],
  ['a GET below a device', get('/v1/devices/a/check', host), 405, 'POST'],
  ['an unusual method', ['PROPFIND', '/v1/plan', host], 405, 'GET, HEAD, PUT'],
  ['OPTIONS', ['OPTIONS', '/v1/blobs/sha256/x', host], 405, 'GET, HEAD'],
  ['an unusual method where nothing is', ['PROPFIND', '/nowhere', host], 404, 'not-found'],
  ['a method that HTTP does not know', ['DANCE', '/healthz', host], 400, 'usage'],
  ['no HTTP at all', ['hello'], 400, 'usage'],
  ['no Host', get('/healthz'), 400, 'usage'],
  ['header fields that are too large', get('/healthz', host, `X: ${'a'.repeat(40_000)}`), 431, 'usage'],
  ['two lengths', ['POST', '/v1/enrol', host, json, 'Content-Length: 1', 'Content-Length: 2'], 400, 'usage'],
  ['an expectation that nobody knows', get('/healthz', host, 'Expect: miracles'), 417, 'usage'],
  [
    'a body of another type',
    ['POST', '/v1/enrol', host, 'Content-Type: text/csv', 'Content-Length: 1', '', 'a'],
    415,
    'usage',
  ],
  ['a body that is no JSON', ['POST', '/v1/enrol', host, json, 'Content-Length: 1', '', '{'], 400, 'usage'],
  ['a body that is too large', ['POST', '/v1/enrol', host, json, 'Content-Length: 99999999'], 413, 'usage'],
])('%s', async (_name, [method = '', path = '', ...rest], status, expected) => {
  const isRaw = path === '';
  const bytes = isRaw
    ? `${method}\r\n\r\n`
    : `${[`${method} ${path} HTTP/1.1`, 'Connection: close', ...rest].join('\r\n')}${rest.includes('') ? '' : '\r\n\r\n'}`;
  const answer = await send(bytes);
  expect([answer.status, answer.body]).toEqual([status, expect.stringMatching(/^\{/)]);
  const { code, requestId } = errorAnswerSchema.parse(JSON.parse(answer.body));
  expect(isErrorCode(code)).toBe(true);
  expect(requestId).toBe(answer.header['x-request-id']);
  expect(requestId).toMatch(/\S/);
  if (status === 405) expect([code, answer.header.allow]).toEqual(['method-not-allowed', expected]);
  else expect(code).toBe(expected);
});
