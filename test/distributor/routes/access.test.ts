/** Says for each route who may ask it, and asks as every kind of caller. A route that is not named here fails. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Digest } from '../../../contract/digest.ts';
import { bearerVerifier } from '../../../distributor/adapters/oidc/bearer-verifier.ts';
import { everywhere, type FleetReach } from '../../../distributor/fleet/access/reach.ts';
import { type Scope, scopeNames } from '../../../distributor/fleet/access/scopes.ts';
import { mintToken } from '../../../distributor/fleet/access/token.ts';
import { People } from '../../../distributor/people/people.ts';
import { noProxyRule } from '../../../system/network/proxy.ts';
import { clientId, OidcIssuer } from '../../fakes/oidc-issuer.ts';
import { product, smallRelease } from '../../fakes/signed-repository.ts';
import { enrolBody, idleDevice, SmallFleet } from '../../fakes/small-fleet.ts';

/** What a caller shows. Those of the first three lines are nobody, whatever they send. */
const strangers = ['nobody', 'unknown token', 'not a bearer', 'expired operator', 'revoked operator'] as const;
const strangePeople = ['person whose bearer ended', 'person of another issuer', 'person for another audience'] as const;
const gone = ['revoked device', 'expired enrolment token'] as const;
/** A spent token enrols nobody any more; it is told from one that nobody knows. */
const alive = [
  'the device',
  'another device',
  'a device of another product',
  'spent enrolment token',
  'enrolment token',
] as const;
const scoped = scopeNames.flatMap((scope) => [`operator with ${scope}`, `CI with ${scope}`] as const);
/** Each has every scope, and nothing that the routes here name lies inside its reach. */
const outside = [
  'operator of another product',
  'operator of another group',
  'operator of another rollout',
  'person of another product',
] as const;
/** Each has every scope, and the device and the rollout here lie inside its reach. */
const inside = ['operator of this product', 'operator of this rollout', 'person of this product'] as const;
const readers = ['operator that only reads', 'person that only reads'] as const;
const whole = ['operator with all scopes', 'person with all scopes'] as const;
const kinds = [
  ...[...strangers, ...strangePeople, ...gone, ...alive],
  ...[...whole, ...outside, ...inside, ...readers, 'person without a grant'],
  ...scoped,
] as const;
type Kind = (typeof kinds)[number];

const several: Readonly<Record<string, readonly Kind[]>> = {
  'devices of the product': ['the device', 'another device'],
  'enrolment tokens': ['enrolment token', 'spent enrolment token'],
};

/** Who may: everybody, the device that the path names, whoever has a token, an enrolment token, or a scope. */
type Right = 'everybody' | 'the device' | 'any token' | 'enrolment token' | keyof typeof several | Scope;

interface Route {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly url: string;
  readonly rights: readonly Right[];
  /** To who may; undefined for an answer without an end, which only those who may not are asked for. */
  readonly status: number | undefined;
  readonly body?: object;
  /** Status and code for who has the scope, and whose reach has not what the route names; undefined: as to others. */
  readonly outside?: readonly [number, string];
  /** The same for whose reach has it and is not the whole fleet. */
  readonly inside?: readonly [number, string];
}

const report = { sequence: 1, at: '2026-01-01T00:00:00Z', attempt: 'a', version: '1.0.0', phase: 'idle' };

function get(url: string, status: number | undefined, ...rights: Right[]): Route {
  return { method: 'GET', url, status, rights };
}
function post(url: string, body: object | undefined, status: number, ...rights: Right[]): Route {
  return { method: 'POST', url, status, rights, ...(body ? { body } : {}) };
}
const noDevice = { outside: [404, 'device-unknown'] } as const;
const noRollout = { outside: [404, 'rollout-unknown'] } as const;
const noContent = { outside: [403, 'out-of-reach'] } as const;
/** Who reads what is stored for a product that is private. */
const ofProduct = ['devices of the product', 'artifacts:read'] as const;
const notBound = { outside: [403, 'out-of-reach'], inside: [403, 'out-of-reach'] } as const;

const routes: readonly Route[] = [
  get('/healthz', 200, 'everybody'),
  get('/readyz', 200, 'everybody'),
  get('/metrics', 200, 'everybody'),
  get('/openapi.json', 200, 'everybody'),
  get('/v1/metadata/timestamp.json', 200, 'everybody'),
  get('/v1/targets/OPEN-MANIFEST.release.json', 200, 'everybody'),
  get('/v1/blobs/sha256/OPEN-DIGEST', 200, 'everybody'),
  { ...get('/v1/metadata/PRIVATE.json', 200, ...ofProduct, 'enrolment tokens'), ...noContent },
  { ...get('/v1/targets/MANIFEST.release.json', 200, ...ofProduct), ...noContent },
  { ...get('/v1/blobs/sha256/DIGEST', 200, ...ofProduct), ...noContent },
  post('/v1/enrol', enrolBody('new-one'), 201, 'enrolment token'),
  post('/v1/devices/self/check', idleDevice, 200, 'the device'),
  post('/v1/devices/self/reports', { schemaVersion: 1, reports: [report] }, 200, 'the device'),
  get('/v1/devices', 200, 'devices:read'),
  { ...get('/v1/devices/self', 200, 'the device', 'devices:read'), ...noDevice },
  { ...get('/v1/devices/self/why', 200, 'the device', 'devices:read'), ...noDevice },
  { ...post('/v1/devices/self/labels', { labels: {} }, 200, 'devices:control'), ...noDevice },
  { ...post('/v1/devices/self/accept', {}, 200, 'devices:control'), ...noDevice },
  { ...post('/v1/devices/self/reject', {}, 409, 'devices:control'), ...noDevice },
  post('/v1/devices/absent/labels', { labels: {} }, 404, 'devices:control'),
  post('/v1/devices/absent/accept', {}, 404, 'devices:control'),
  post('/v1/devices/absent/reject', {}, 404, 'devices:control'),
  // Both ask for a signature besides; see device-key.test.ts.
  post('/v1/devices/self/key', { schemaVersion: 1, publicKey: 'A'.repeat(43) }, 401, 'the device'),
  post('/v1/devices/self/session', { schemaVersion: 1 }, 401, 'everybody'),
  post('/v1/devices/absent/revoke', {}, 404, 'devices:control'),
  post('/v1/devices/absent/forget', undefined, 404, 'devices:control'),
  get('/v1/tokens', 200, 'tokens:control'),
  { ...post('/v1/tokens', { purpose: 'enrol' }, 201, 'tokens:control'), ...notBound },
  post('/v1/tokens/absent/revoke', undefined, 404, 'tokens:control'),
  get('/v1/whoami', 200, 'any token'),
  get('/v1/login', 200, 'everybody'),
  get('/v1/events', 200, 'events:read'),
  get('/v1/events/kinds', 200, 'events:read'),
  get('/v1/events/stream', undefined, 'events:read'),
  { ...get('/v1/plan', 200, 'rollouts:read'), ...notBound },
  { ...get('/v1/plan/history', 200, 'rollouts:read'), ...notBound },
  { method: 'PUT', url: '/v1/plan', status: 409, rights: ['rollouts:apply'], body: { files: [] }, ...notBound },
  get('/v1/rollouts', 200, 'rollouts:read'),
  { ...get('/v1/rollouts/r', 200, 'rollouts:read'), ...noRollout },
  { ...post('/v1/rollouts/r/pause', { reason: 'why' }, 200, 'rollouts:control'), ...noRollout },
  ...['resume', 'promote', 'retry', 'abort', 'reopen'].map((action) => ({
    ...post(`/v1/rollouts/r/${action}`, undefined, 200, 'rollouts:control'),
    ...noRollout,
  })),
];

const openProduct = 'shop-app';

function may(kind: Kind, rights: readonly Right[]): boolean {
  if (rights.includes('everybody')) return true;
  if (isNobody(kind)) return false;
  if (rights.includes('any token') || rights.some((right) => right === kind)) return true;
  if (rights.some((right) => several[right]?.includes(kind))) return true;
  const hasAll = [...whole, ...outside, ...inside, ...readers].some((one) => one === kind);
  if (hasAll) return rights.some((right) => scopeNames.some((scope) => scope === right));
  return rights.some((right) => kind.endsWith(` with ${right}`));
}

function isNobody(kind: Kind): boolean {
  return [...strangers, ...strangePeople, ...gone].some((one) => one === kind);
}

/** To those who may not. */
function refusal({ url, rights }: Route, kind: Kind): readonly [number, string] {
  // It says nothing of a token that enrols nobody.
  if (url === '/v1/enrol') return [401, 'enrolment-token-invalid'];
  // Where no scope helps, the bearer of a person is not even looked at.
  const isForDevices = rights.every((right) => !scopeNames.some((scope) => scope === right));
  if (isForDevices && kind.startsWith('person')) return [401, 'unauthenticated'];
  return isNobody(kind) ? [401, 'unauthenticated'] : [403, 'forbidden'];
}

/** To those who may by their scopes, and whose reach is not enough; undefined where it is. */
function boundary(route: Route, kind: Kind): readonly [number, string] | undefined {
  if (route.rights.includes('everybody') || route.rights.includes('any token')) return undefined;
  if (outside.some((one) => one === kind)) return route.outside;
  if (inside.some((one) => one === kind)) return route.inside;
  const isReader = readers.some((one) => one === kind);
  return isReader && route.method !== 'GET' ? [403, 'out-of-reach'] : undefined;
}

const codes: Readonly<Record<string, string>> = {
  '/v1/devices/self/reject': 'device-decided',
  '/v1/devices/absent/labels': 'device-unknown',
  '/v1/devices/absent/accept': 'device-unknown',
  '/v1/devices/absent/reject': 'device-unknown',
  '/v1/devices/self/key': 'request-signature-invalid',
  '/v1/devices/self/session': 'request-signature-invalid',
  '/v1/devices/absent/revoke': 'device-unknown',
  '/v1/devices/absent/forget': 'device-unknown',
  '/v1/tokens/absent/revoke': 'token-unknown',
  '/v1/plan': 'plan-managed-elsewhere',
};

/** `METHOD /path/:name` of every route, as the router prints its tree. */
function routeTable(small: SmallFleet): string[] {
  const found: string[] = [];
  const above: string[] = [];
  for (const line of small.app.printRoutes({ commonPrefix: false }).split('\n')) {
    const [, indent = '', path = '', methods = ''] = /^([│ ]*)[├└]── (\S+) \((.+)\)$/.exec(line) ?? [];
    if (path === '') continue;
    above.splice(indent.length / 4);
    above.push(path);
    for (const method of methods.split(', ')) if (method !== 'HEAD') found.push(`${method} ${above.join('')}`);
  }
  return found;
}

function peopleOf({ url }: OidcIssuer): People {
  const all = { scopes: [...scopeNames], ...everywhere, products: [], groups: [], rollouts: [] };
  const grants = [
    { ...all, when: { groups: 'admins' } },
    { ...all, when: { groups: 'others' }, products: ['k0s-edge'] },
    { ...all, when: { groups: 'owners' }, products: [product] },
    { ...all, when: { groups: 'readers' }, readOnly: true },
  ];
  const issuers = [{ issuer: url, audience: clientId, name: 'email', grants }];
  return new People(issuers, bearerVerifier(issuers, { proxies: noProxyRule }));
}

/** Of a product that the repository had once; by the route nobody enrols for it any more. */
async function enrolledForeigner({ fleet, now }: SmallFleet): Promise<string> {
  const { record: enrolment } = mintToken({ purpose: 'enrol', now, randomBytes });
  const { token, record } = mintToken({ purpose: 'device', deviceId: 'foreign', now, randomBytes });
  await fleet.saveToken(enrolment);
  await fleet.enrol({
    device: { id: 'foreign', product: 'k0s-edge', platform: 'linux/amd64', labels: {}, givenLabels: {} },
    ...({ status: 'accepted', publicKey: undefined, enrolmentTokenId: enrolment.id, deviceToken: record } as const),
    at: now,
  });
  return token;
}

describe('who may do what', () => {
  let small: SmallFleet;
  let digest: Digest;
  let openDigest: Digest;
  let headers: Record<Kind, string | undefined>;
  let issuer: OidcIssuer;
  let otherIssuer: OidcIssuer;
  beforeAll(async () => {
    [issuer, otherIssuer] = [await OidcIssuer.open(), await OidcIssuer.open()];
    const products = { privateProducts: [product], otherProducts: [openProduct] };
    small = await SmallFleet.open({ people: peopleOf(issuer), ...products });
    digest = await small.putBlob(Buffer.from('server 1.0.0'));
    openDigest = await small.putBlob(Buffer.from('server 7.0.0'));
    await small.publish({ ...smallRelease('7.0.0', 1), product: openProduct });
    await small.publish(smallRelease('1.0.0', 1));
    await small.declare('r', { release: '1.0.0', waves: [{ name: 'all', percent: 100 }] });
    const all = await small.token('operator', ...scopeNames);
    const revoked = await small.token('operator', ...scopeNames);
    const { id } = (await small.ask('GET', '/v1/whoami', revoked)).json();
    await small.ask('POST', `/v1/tokens/${id}/revoke`, all);
    const expiring = { purpose: 'operator', scopes: scopeNames, expiresInSeconds: 60 };
    const expired = (await small.ask('POST', '/v1/tokens', all, expiring)).json().token;
    const lateEnrolment = await small.enrolmentToken(5, 60);
    const spent = await small.enrolmentToken(1);
    await small.ask('POST', '/v1/enrol', spent, enrolBody('spent'));
    await small.pass(61);
    const bearers: Partial<Record<Kind, string>> = {
      'unknown token': `slp_operator_${'x'.repeat(43)}`,
      'expired operator': expired,
      'revoked operator': revoked,
      'revoked device': await small.enrol('gone'),
      'spent enrolment token': spent,
      'expired enrolment token': lateEnrolment,
      'the device': await small.enrol('self'),
      'another device': await small.enrol('other'),
      'a device of another product': await enrolledForeigner(small),
      'enrolment token': await small.enrolmentToken(1000),
      'operator with all scopes': all,
    };
    const reaches: Partial<Record<Kind, Partial<FleetReach>>> = {
      'operator of another product': { products: ['k0s-edge'] },
      'operator of another group': { groups: ['nobody'] },
      'operator of another rollout': { rollouts: ['other'] },
      'operator of this product': { products: [product] },
      'operator of this rollout': { rollouts: ['r', 'other'] },
      'operator that only reads': { readOnly: true },
    };
    for (const [kind, reach] of Object.entries(reaches)) {
      bearers[kind as Kind] = await small.boundToken(reach, scopeNames);
    }
    const groups: Partial<Record<Kind, string>> = {
      'person with all scopes': 'admins',
      'person of another product': 'others',
      'person of this product': 'owners',
      'person that only reads': 'readers',
      'person without a grant': 'guests',
    };
    const signed = { iat: small.now / 1000 - 10, exp: Math.ceil(small.now / 1000) + 3600 };
    for (const [kind, group] of Object.entries(groups)) {
      bearers[kind as Kind] = await issuer.sign({ ...signed, groups: [group] });
    }
    const admin = { ...signed, groups: ['admins'] };
    bearers['person whose bearer ended'] = await issuer.sign({ ...admin, exp: Math.floor(small.now / 1000) - 60 });
    bearers['person of another issuer'] = await otherIssuer.sign(admin);
    bearers['person for another audience'] = await issuer.sign({ ...admin, aud: 'another-server' });
    for (const scope of scopeNames) {
      bearers[`operator with ${scope}`] = await small.token('operator', scope);
      bearers[`CI with ${scope}`] = await small.token('ci', scope);
    }
    await small.fleet.revokeDevice('gone', small.now);
    headers = Object.fromEntries(
      kinds.map((kind) => [kind, bearers[kind] === undefined ? undefined : `Bearer ${bearers[kind]}`]),
    ) as typeof headers;
    headers['not a bearer'] = `Basic ${Buffer.from(`operator:${all}`).toString('base64')}`;
  });
  afterAll(async () => {
    await small[Symbol.asyncDispose]();
    await issuer[Symbol.asyncDispose]();
    await otherIssuer[Symbol.asyncDispose]();
  });

  const ask = ({ method, url, body }: Route, kind: Kind) => {
    const authorization = headers[kind];
    const manifestOf = (name: string) =>
      small.catalog.state.releases.line(name, 'linux/amd64')[0]?.manifestSha256 ?? '';
    return small.app.inject({
      method,
      url: url
        .replace('OPEN-DIGEST', openDigest)
        .replace('DIGEST', digest)
        .replace('OPEN-MANIFEST', manifestOf(openProduct))
        .replace('MANIFEST', manifestOf(product))
        .replace('PRIVATE', `${small.repository.version}.${product}`),
      headers: authorization === undefined ? {} : { authorization },
      ...(body === undefined ? {} : { payload: body }),
    });
  };

  it('names every route that the server has', () => {
    const named = routes.map(({ method, url }) =>
      `${method} ${url}`
        .replace(/devices\/(self|absent)/, 'devices/:id')
        .replace('tokens/absent', 'tokens/:id')
        .replace('rollouts/r', 'rollouts/:name')
        .replace(/(OPEN-)?DIGEST/, ':digest')
        // The tree shows both of them as one.
        .replace(/\/v1\/(metadata|targets)\/.*/, '*'),
    );
    expect([...new Set(named)].sort()).toEqual(routeTable(small).sort());
    const { paths } = small.app.swagger() as { paths: object };
    const wildcards = Object.keys(paths).filter((path) => path.endsWith('{path}'));
    expect(wildcards.sort()).toEqual(['/v1/metadata/{path}', '/v1/targets/{path}']);
  });

  it.each(routes)('$method $url is for $rights, and for nobody else', async (route) => {
    for (const kind of kinds) {
      const refused = may(kind, route.rights) ? boundary(route, kind) : refusal(route, kind);
      if (refused) {
        const [status, code] = refused;
        const answer = await ask(route, kind);
        const { 'x-request-id': requestId } = answer.headers;
        const words = { message: expect.any(String), hint: expect.any(String) };
        expect([kind, answer.statusCode, answer.json()]).toEqual([kind, status, { code, ...words, requestId }]);
      } else if (route.status !== undefined) {
        const answer = await ask(route, kind);
        expect([kind, answer.statusCode]).toEqual([kind, route.status]);
        if (route.status >= 400) expect(answer.json().code).toBe(codes[route.url]);
      }
    }
  });

  it('tells a revoked device that it is revoked', async () => {
    const answer = await small.ask(
      'POST',
      '/v1/devices/gone/check',
      headers['revoked device']?.slice('Bearer '.length),
      idleDevice,
    );
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
