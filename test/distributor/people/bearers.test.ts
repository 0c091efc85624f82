/** People show bearers of a real OpenID provider: which are taken, which are not, and what an issuer that is away does. */
import { createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SignJWT } from 'jose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { limits } from '../../../contract/limits.ts';
import { bearerVerifier } from '../../../distributor/adapters/oidc/bearer-verifier.ts';
import { peopleSchema } from '../../../distributor/people/issuers.ts';
import { People } from '../../../distributor/people/people.ts';
import { parseDocument } from '../../../system/documents/document.ts';
import { noProxyRule } from '../../../system/network/proxy.ts';
import { clientId, OidcIssuer, signingJwk } from '../../fakes/oidc-issuer.ts';
import { smallRelease } from '../../fakes/signed-repository.ts';
import { SmallFleet } from '../../fakes/small-fleet.ts';

let issuer: OidcIssuer;
let small: SmallFleet;
let log: Record<string, unknown>[];
beforeEach(async () => {
  issuer = await OidcIssuer.open();
  log = [];
  small = await SmallFleet.open({ people: peopleOf(issuer), log });
});
afterEach(async () => {
  await small[Symbol.asyncDispose]();
  await issuer[Symbol.asyncDispose]();
});

function peopleOf({ url }: Pick<OidcIssuer, 'url'>): People {
  const { issuers } = peopleSchema.parse({
    issuers: [
      {
        issuer: url,
        audience: clientId,
        grants: [
          { when: { groups: 'fleet-admins' }, scopes: ['rollouts:read', 'rollouts:control', 'events:read'] },
          { when: { groups: ['north-team', 'south-team'] }, scopes: ['devices:read'], groups: ['north'] },
          { when: { groups: 'readers', email_verified: 'true' }, scopes: ['events:read'], readOnly: true },
        ],
      },
    ],
  });
  return new People(issuers, bearerVerifier(issuers, { proxies: noProxyRule }));
}

const whoami = async (bearer: string) => {
  const answer = await small.ask('GET', '/v1/whoami', bearer);
  return { status: answer.statusCode, ...answer.json() };
};

describe('a person with a bearer of the provider', () => {
  it('is named by the claim that the file names, and may what the claims give', async () => {
    const alice = await whoami(await issuer.idTokenOf('alice'));
    expect(alice).toMatchObject({
      status: 'valid',
      purpose: 'person',
      actor: `alice@example.org via ${issuer.url}`,
      scopes: ['rollouts:read', 'rollouts:control', 'events:read'],
    });
    const bob = await whoami(await issuer.idTokenOf('bob'));
    expect(bob.grants).toEqual([
      { scopes: ['devices:read'], groups: ['north'] },
      { scopes: ['events:read'], readOnly: true },
    ]);
  });

  it.each(['PS256', 'ES256', 'Ed25519'])('is known by a signature of %s', async (alg) => {
    await issuer.rotate('second', alg);
    expect((await whoami(await issuer.sign({}))).purpose).toBe('person');
  });

  it('may show an access token of RFC 9068, too', async () => {
    expect((await whoami(await issuer.sign({}, { typ: 'at+jwt' }))).purpose).toBe('person');
  });

  it('is named by its subject where the provider has not verified the address', async () => {
    const { actor, scopes } = await whoami(await issuer.idTokenOf('mallory'));
    expect([actor, scopes]).toEqual([`mallory via ${issuer.url}`, []]);
  });

  it.each([
    ['another issuer inside', 'eve via https://login.example.org'],
    ['an unseen turn of the line', '\u202eecila'],
    ['nothing', ''],
  ])('whose name has %s is not taken for somebody else', async (_what, email) => {
    const { actor } = await whoami(await issuer.sign({ email, email_verified: true, sub: 'eve' }));
    expect(actor).toBe(email.includes('ecila') ? `ecila via ${issuer.url}` : `eve via ${issuer.url}`);
  });

  it('stands by name in the audit log, in the rollout and in the log of the server', async () => {
    await small.declare('r', { release: '1.0.0', waves: [{ name: 'all', percent: 100 }] });
    await small.publish(smallRelease('1.0.0', 1));
    await small.campaigns.advanceAll(small.now);
    const bearer = await issuer.idTokenOf('alice');
    const paused = await small.ask('POST', '/v1/rollouts/r/pause', bearer, { reason: 'vendor' });
    const name = `alice@example.org via ${issuer.url}`;
    expect(paused.json().rollouts[0].reason).toContain(`Paused by ${name}`);
    const { events } = (await small.ask('GET', '/v1/events?kind=paused', bearer)).json();
    expect(events.map((event: { actor: string }) => event.actor)).toEqual([name]);
    expect(log.filter(({ by }) => by === name)).toHaveLength(2);
    expect(JSON.stringify(log)).not.toContain(bearer.split('.')[2]);
  });
});

describe('a bearer that the provider did not give to this server', () => {
  const seconds = () => Math.floor(small.now / 1000);
  const unsigned = (head: object, claims: object) =>
    [head, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');

  const attacks: Record<string, () => Promise<string>> = {
    'is not signed (alg none)': async () =>
      `${unsigned({ alg: 'none' }, { iss: issuer.url, aud: clientId, sub: 'alice', exp: seconds() + 60 })}.`,
    'is signed by HMAC with the public key as the secret': async () => {
      const pem = createPublicKey({ key: issuer.key.jwk as never, format: 'jwk' }).export({
        type: 'spki',
        format: 'pem',
      });
      return new SignJWT({ groups: ['fleet-admins'] })
        .setProtectedHeader({ alg: 'HS256', kid: String(issuer.key.jwk.kid) })
        .setIssuer(issuer.url)
        .setAudience(clientId)
        .setSubject('alice')
        .setExpirationTime(seconds() + 60)
        .sign(Buffer.from(pem));
    },
    'names another issuer': () => issuer.sign({ iss: 'https://login.example.org' }),
    'is for another audience': () => issuer.sign({ aud: 'another-client' }),
    'has no audience': () => issuer.sign({ aud: undefined }),
    'has ended': () => issuer.sign({ exp: seconds() - 60 }),
    'never ends': () => issuer.sign({ exp: undefined }),
    'is not valid yet': () => issuer.sign({ nbf: seconds() + 120 }),
    'has no subject': () => issuer.sign({ sub: undefined }),
    'names a key that the provider does not have': () => issuer.sign({}, { kid: 'unknown' }),
    'is signed by a key that only its name has': async () => issuer.sign({}, {}, await signingJwk('first')),
    'brings its own key along (jwk)': async () => {
      const own = await signingJwk('own');
      const { kty, n, e } = own.jwk;
      return issuer.sign({}, { jwk: { kty, n, e } }, own);
    },
    'says where its key is (jku)': async () =>
      issuer.sign({}, { jku: 'https://evil.example.org/jwks' }, await signingJwk('own')),
    'is a logout token': () => issuer.sign({}, { typ: 'logout+jwt' }),
    'asks for an extension that nobody knows (crit)': async () => {
      const claims = { iss: issuer.url, aud: clientId, sub: 'alice', exp: seconds() + 60 };
      const text = unsigned({ alg: 'RS256', kid: issuer.key.jwk.kid, crit: ['x'], x: 1 }, claims);
      const key = createPrivateKey({ key: issuer.key.jwk as never, format: 'jwk' });
      return `${text}.${sign('sha256', Buffer.from(text), key).toString('base64url')}`;
    },
    'is too large to be looked at': () => issuer.sign({ padding: 'x'.repeat(limits.maxPersonBearerBytes) }),
    'is no JSON': async () => 'eyJhbGciOiJSUzI1NiJ9.bm90LWpzb24.c2ln',
  };
  it.each(Object.entries(attacks))('is refused when it %s', async (_what, make) => {
    // Its keys are known, and the provider is well.
    expect((await whoami(await issuer.idTokenOf('alice'))).purpose).toBe('person');
    expect(await whoami(await make())).toMatchObject({ status: 401, code: 'unauthenticated' });
  });

  it('is a token of this server all the more: those go on as they did', async () => {
    expect(await whoami(await small.token('operator', 'devices:read'))).toMatchObject({ purpose: 'operator' });
  });
});

describe('the keys of the provider', () => {
  it('are asked for anew when a bearer names one that is not known, and the old one is refused soon after', async () => {
    const old = await issuer.idTokenOf('alice');
    expect((await whoami(old)).purpose).toBe('person');
    await issuer.rotate('second');
    small.lapse(31);
    expect((await whoami(await issuer.sign({}))).purpose).toBe('person');
    expect(await whoami(old)).toMatchObject({ status: 401 });
  });

  it('are forgotten after ten minutes by a look in the background, when the provider has taken one back', async () => {
    const old = await issuer.sign({ exp: Math.floor(small.now / 1000) + 7200 });
    expect((await whoami(old)).purpose).toBe('person');
    await issuer.rotate('second');
    small.lapse(601);
    await whoami(old);
    await expect.poll(async () => (await whoami(old)).status).toBe(401);
  });

  it('are asked for once in half a minute, however many unknown ones are named', async () => {
    await whoami(await issuer.sign({}));
    const before = issuer.asked.length;
    small.lapse(31);
    for (let i = 0; i < 5; i++)
      expect(await whoami(await issuer.sign({}, { kid: `k${i}` }))).toMatchObject({ status: 401 });
    expect(issuer.asked.slice(before).filter((path) => path.includes('jwks'))).toHaveLength(1);
  });
});

describe('a provider that is away', () => {
  it('stops nobody whose key is known, and no token of this server', async () => {
    const bearer = await issuer.sign({ exp: Math.floor(small.now / 1000) + 86_000 });
    expect((await whoami(bearer)).purpose).toBe('person');
    issuer.isHanging = true;
    small.lapse(3600);
    expect((await whoami(bearer)).purpose).toBe('person');
    expect((await whoami(await small.token('ci', 'devices:read'))).purpose).toBe('ci');
  });

  it('is waited for a moment, and not again for half a minute', async () => {
    issuer.isHanging = true;
    const bearer = await issuer.sign({});
    expect(await whoami(bearer)).toMatchObject({ status: 503, code: 'issuer-unreachable' });
    const asked = issuer.asked.length;
    expect(await whoami(bearer)).toMatchObject({ status: 503, code: 'issuer-unreachable' });
    expect(issuer.asked).toHaveLength(asked);
    issuer.isHanging = false;
    small.lapse(31);
    expect((await whoami(bearer)).purpose).toBe('person');
  });

  it('is trusted by the keys of the day before no longer', async () => {
    const bearer = await issuer.sign({ exp: Math.floor(small.now / 1000) + 200_000 });
    expect((await whoami(bearer)).purpose).toBe('person');
    issuer.isHanging = true;
    small.lapse(86_401);
    expect(await whoami(bearer)).toMatchObject({ status: 503, code: 'issuer-unreachable' });
  });
});

describe('what stands in the place of a provider is not believed when it', () => {
  const answers: Record<string, (url: string, response: ServerResponse, path: string) => unknown> = {
    // Its keys are those that the bearer is signed by: nothing but its name stands against it.
    'calls itself another one': (url, response, path) => {
      const { kty, n, e, kid, alg } = issuer.key.jwk;
      const discovered = { issuer: 'https://login.example.org', jwks_uri: `${url}/keys` };
      response.end(JSON.stringify(path === '/keys' ? { keys: [{ kty, n, e, kid, alg }] } : discovered));
    },
    'has its keys where everybody on the way can change them': (url, response) =>
      response.end(JSON.stringify({ issuer: url, jwks_uri: 'http://keys.example.org/' })),
    'sends to another place': (_url, response) => response.writeHead(302, { location: issuer.url }).end(),
    'is a page': (_url, response) => response.end('<html>Welcome</html>'),
    'does not end': (url, response) =>
      response.end(JSON.stringify({ issuer: url, jwks_uri: `${url}/keys`, padding: 'x'.repeat(1024 * 1024) })),
    'has no keys': (url, response) =>
      response.end(JSON.stringify({ issuer: url, jwks_uri: `${url}/keys`, keys: 'none' })),
  };
  it.each(Object.entries(answers))('%s', async (_what, answer) => {
    const impostor = createServer(({ url: at = '' }, response) => void answer(url(), response, at));
    impostor.listen(0, '127.0.0.1');
    await once(impostor, 'listening');
    const url = () => `http://127.0.0.1:${(impostor.address() as AddressInfo).port}`;
    await using fleet = await SmallFleet.open({ people: peopleOf({ url: url() }) });
    const shown = await fleet.ask('GET', '/v1/whoami', await issuer.sign({ iss: url() }));
    impostor.close();
    expect([shown.statusCode, shown.json().code]).toEqual([503, 'issuer-unreachable']);
  });
});

it('verifies no more than so many bearers of one address in a minute', async () => {
  const forged = await issuer.sign({ aud: 'another' });
  const counts = new Map<number, number>();
  for (let i = 0; i < 602; i++) {
    const { status } = await whoami(forged);
    counts.set(status, (counts.get(status) ?? 0) + 1);
  }
  expect([...counts]).toEqual([
    [401, 600],
    [429, 2],
  ]);
});

describe('the file of people', () => {
  it('is as docs/people.md shows it', () => {
    const page = readFileSync(new URL('../../../docs/people.md', import.meta.url), 'utf8');
    const [, yaml = ''] = /```yaml\n([\s\S]*?)```/.exec(page) ?? [];
    const { issuers } = parseDocument(yaml, peopleSchema, 'people.yaml');
    expect(issuers[0]?.grants.map(({ readOnly, groups }) => [readOnly, groups])).toEqual([
      [false, []],
      [false, ['north']],
      [true, []],
    ]);
  });

  const issuerEntry = { issuer: 'https://login.example.org', audience: 'slipway' };
  const grant = { when: { groups: 'admins' }, scopes: ['devices:read'] };
  it.each([
    ['an issuer without TLS', { ...issuerEntry, issuer: 'http://login.example.org', grants: [grant] }],
    ['an issuer with a query', { ...issuerEntry, issuer: 'https://login.example.org?x=1', grants: [grant] }],
    ['no audience', { issuer: issuerEntry.issuer, grants: [grant] }],
    ['a grant for everybody', { ...issuerEntry, grants: [{ ...grant, when: {} }] }],
    ['a scope that does not exist', { ...issuerEntry, grants: [{ ...grant, scopes: ['everything'] }] }],
    ['a bound that is misspelt', { ...issuerEntry, grants: [{ ...grant, product: ['k3s'] }] }],
  ])('is refused with %s', (_what, entry) => {
    expect(peopleSchema.safeParse({ issuers: [entry] }).success).toBe(false);
  });
});
