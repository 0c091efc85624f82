import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Digest } from '../../../contract/digest.ts';
import { scopeNames } from '../../../distributor/fleet/scopes.ts';
import { smallRelease } from '../../fakes/signed-repository.ts';
import { enrolBody, idleDevice, SmallFleet } from '../../fakes/small-fleet.ts';

const kinds = ['nobody', 'stranger', 'self', 'other', 'revoked', 'enrolment', 'unscoped', 'scoped'] as const;
type Kind = (typeof kinds)[number];

const report = { sequence: 1, at: '2026-01-01T00:00:00Z', attempt: 'a', version: '1.0.0', phase: 'idle' };

const unsigned = { self: 401, other: 401, enrolment: 401, unscoped: 401, scoped: 401 };

/** Who gets which status, for every route; kinds left out get 401 without a valid token, else 403. */
const routes: readonly (readonly [
  'GET' | 'POST' | 'PUT',
  string,
  object | undefined,
  Partial<Record<Kind, number>>,
])[] = [
  ['GET', '/healthz', undefined, everybody(200)],
  ['GET', '/readyz', undefined, everybody(200)],
  ['GET', '/metrics', undefined, everybody(200)],
  ['GET', '/openapi.json', undefined, everybody(200)],
  ['GET', '/v1/metadata/timestamp.json', undefined, everybody(200)],
  ['GET', '/v1/blobs/sha256/DIGEST', undefined, everybody(200)],
  ['POST', '/v1/enrol', enrolBody('new-one'), { ...everybody(401), enrolment: 201 }],
  ['POST', '/v1/devices/self/check', idleDevice, { self: 200 }],
  ['POST', '/v1/devices/self/reports', { schemaVersion: 1, reports: [report] }, { self: 200 }],
  ['GET', '/v1/devices', undefined, { scoped: 200 }],
  ['GET', '/v1/devices/self', undefined, { self: 200, scoped: 200 }],
  ['GET', '/v1/devices/self/why', undefined, { self: 200, scoped: 200 }],
  ['POST', '/v1/devices/absent/labels', { labels: {} }, { scoped: 404 }],
  ['POST', '/v1/devices/absent/accept', {}, { scoped: 404 }],
  ['POST', '/v1/devices/absent/reject', {}, { scoped: 404 }],
  // Both ask for a signature besides; see device-key.test.ts.
  ['POST', '/v1/devices/self/key', { schemaVersion: 1, publicKey: 'A'.repeat(43) }, { self: 401 }],
  ['POST', '/v1/devices/self/session', { schemaVersion: 1 }, unsigned],
  ['POST', '/v1/devices/absent/revoke', {}, { scoped: 404 }],
  ['POST', '/v1/devices/absent/forget', undefined, { scoped: 404 }],
  ['GET', '/v1/tokens', undefined, { scoped: 200 }],
  ['POST', '/v1/tokens', { purpose: 'enrol' }, { scoped: 201 }],
  ['POST', '/v1/tokens/absent/revoke', undefined, { scoped: 404 }],
  ['GET', '/v1/whoami', undefined, { self: 200, other: 200, enrolment: 200, unscoped: 200, scoped: 200 }],
  ['GET', '/v1/events', undefined, { scoped: 200 }],
  ['GET', '/v1/events/kinds', undefined, { scoped: 200 }],
  ['GET', '/v1/plan', undefined, { scoped: 200 }],
  ['GET', '/v1/plan/history', undefined, { scoped: 200 }],
  ['PUT', '/v1/plan', { files: [] }, { scoped: 409 }],
  ['GET', '/v1/rollouts', undefined, { scoped: 200 }],
  ['GET', '/v1/rollouts/r', undefined, { scoped: 200 }],
  ['POST', '/v1/rollouts/r/pause', { reason: 'why' }, { scoped: 200 }],
  ['POST', '/v1/rollouts/r/resume', undefined, { scoped: 200 }],
  ['POST', '/v1/rollouts/r/promote', undefined, { scoped: 200 }],
  ['POST', '/v1/rollouts/r/retry', undefined, { scoped: 200 }],
  ['POST', '/v1/rollouts/r/abort', undefined, { scoped: 200 }],
  ['POST', '/v1/rollouts/r/reopen', undefined, { scoped: 200 }],
];

function everybody(status: number): Partial<Record<Kind, number>> {
  return Object.fromEntries(kinds.map((kind) => [kind, status]));
}

describe('who may do what', () => {
  let small: SmallFleet;
  let digest: Digest;
  let tokens: Record<Kind, string | undefined>;
  beforeAll(async () => {
    small = await SmallFleet.open();
    digest = await small.putBlob(Buffer.from('content'));
    await small.publish(smallRelease('1.0.0', 1));
    await small.declare('r', { release: '1.0.0', waves: [{ name: 'all', percent: 100 }] });
    tokens = {
      nobody: undefined,
      stranger: `slp_operator_${'x'.repeat(43)}`,
      self: await small.enrol('self'),
      other: await small.enrol('other'),
      revoked: await small.enrol('gone'),
      enrolment: await small.enrolmentToken(1000),
      unscoped: await small.token('operator', 'artifacts:read'),
      scoped: await small.token('operator', ...scopeNames),
    };
    await small.fleet.revokeDevice('gone', small.now);
  });
  afterAll(() => small[Symbol.asyncDispose]());

  const matrix = routes.flatMap(([method, url, body, expected]) =>
    kinds.map((kind) => {
      const isAlive = !['nobody', 'stranger', 'revoked'].includes(kind);
      return [method, url, kind, expected[kind] ?? (isAlive ? 403 : 401), body] as const;
    }),
  );

  it('covers every route of the API', () => {
    const listed = new Set(
      routes.map(([method, url]) => `${method.toLowerCase()} ${url}`.replace('DIGEST', '{digest}')),
    );
    const normal = [...listed].map((route) =>
      route
        .replace(/\/(self|absent)/, '/{id}')
        .replace('/tokens/absent', '/tokens/{id}')
        .replace('/rollouts/r', '/rollouts/{name}')
        .replace('timestamp.json', '{path}'),
    );
    const { paths } = small.app.swagger() as { paths: Record<string, Record<string, unknown>> };
    for (const [path, methods] of Object.entries(paths)) {
      for (const method of Object.keys(methods).filter((name) => name !== 'head')) {
        // The stream never ends; who may follow it is tested with it.
        if (!path.startsWith('/v1/targets') && !path.endsWith('/stream')) expect(normal).toContain(`${method} ${path}`);
      }
    }
  });

  it.each(matrix)('%s %s by %s gives %i', async (method, url, kind, status, body) => {
    const answer = await small.ask(method, url.replace('DIGEST', digest), tokens[kind], body);
    expect(answer.statusCode).toBe(status);
    if (status >= 400) {
      const codes: Record<number, string> = {
        401: 'unauthenticated',
        403: 'forbidden',
        404: 'device-unknown',
        409: 'plan-managed-elsewhere',
      };
      const unknown = url.startsWith('/v1/tokens') ? 'token-unknown' : codes[404];
      const isUnsigned = url.endsWith('/session') || (url.endsWith('/key') && kind === 'self');
      if (isUnsigned) codes[401] = 'request-signature-invalid';
      const expected = url === '/v1/enrol' ? 'enrolment-token-invalid' : status === 404 ? unknown : codes[status];
      expect(answer.json()).toEqual({
        code: expected,
        message: expect.any(String),
        hint: expect.any(String),
        requestId: answer.headers['x-request-id'],
      });
    }
  });

  it('tells a revoked device that it is revoked', async () => {
    const answer = await small.ask('POST', '/v1/devices/gone/check', tokens.revoked, idleDevice);
    expect([answer.statusCode, answer.json().code]).toEqual([403, 'device-revoked']);
  });

  it('refuses a token that has expired', async () => {
    const token = await small.enrolmentToken(5, 60);
    await small.pass(61);
    const answer = await small.ask('POST', '/v1/enrol', token, enrolBody('late'));
    expect([answer.statusCode, answer.json().code]).toEqual([401, 'enrolment-token-invalid']);
  });
});

describe('reading with a token only', () => {
  it('is open to devices, operators and CI, and closed to everybody else', async () => {
    await using small = await SmallFleet.open({ policy: { requireTokenForReads: true } });
    const digest = await small.putBlob(Buffer.from('content'));
    const tokens = [
      [undefined, 401],
      [await small.token('operator', 'devices:read'), 403],
      [await small.token('operator', 'artifacts:read'), 200],
      [await small.token('ci', 'artifacts:read'), 200],
      [await small.enrol('gate-1'), 200],
    ] as const;
    for (const [token, status] of tokens) {
      for (const url of ['/v1/metadata/timestamp.json', '/v1/metadata/1.root.json', `/v1/blobs/sha256/${digest}`]) {
        expect((await small.ask('GET', url, token)).statusCode).toBe(status);
      }
    }
  });

  it('may be metadata alone for one that is about to enrol, which proves the server by it', async () => {
    await using small = await SmallFleet.open({ policy: { requireTokenForReads: true } });
    const digest = await small.putBlob(Buffer.from('content'));
    const token = await small.enrolmentToken(1);
    const ask = async (url: string) => (await small.ask('GET', url, token)).statusCode;
    expect(await ask('/v1/metadata/1.root.json')).toBe(200);
    expect(await ask(`/v1/blobs/sha256/${digest}`)).toBe(403);
    expect(await ask('/v1/rollouts')).toBe(403);
  });
});
