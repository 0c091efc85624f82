/** What is stored for a private product is read by its devices alone, by people for it, and by links that end soon. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server as HttpListener, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Digest } from '../../../contract/digest.ts';
import { encodeManifest, type ReleaseManifest } from '../../../contract/release/manifest.ts';
import { scopeNames } from '../../../distributor/fleet/access/scopes.ts';
import { mintToken } from '../../../distributor/fleet/access/token.ts';
import { keyInFile } from '../../../edge-updater/adapters/network/device-key.ts';
import { DeviceToken } from '../../../edge-updater/adapters/network/device-token.ts';
import { HttpServer } from '../../../edge-updater/adapters/network/http-server.ts';
import { EdgeDevice } from '../../fakes/edge-device.ts';
import { product, smallRelease } from '../../fakes/signed-repository.ts';
import { enrolBody, type FleetOptions, SmallFleet } from '../../fakes/small-fleet.ts';

const other = 'shop-app';
const origin = 'https://cache.example.org/blobs';

/** Of the other product: one blob of its own, and one that the private product has, too. */
function otherRelease(shared: ReleaseManifest): ReleaseManifest {
  const own = smallRelease('7.0.0', 1);
  const [theirs] = shared.components;
  const [component] = own.components;
  if (!theirs || !component) throw new Error('a release without a component');
  return { ...own, product: other, components: [component, { ...theirs, name: 'shared', installPath: 'bin/shared' }] };
}

interface Stored {
  readonly small: SmallFleet;
  /** Paths of what only the private product has. */
  readonly secret: readonly string[];
  /** Paths of what everybody reads, among them the blob of both products. */
  readonly open: readonly string[];
}

async function stored(options: FleetOptions = {}): Promise<Stored> {
  const small = await SmallFleet.open({ privateProducts: [product], otherProducts: [other], ...options });
  const sbom = Buffer.from('{"bomFormat": "CycloneDX"}');
  const attached = { kind: 'sbom', name: 'sbom.json', mediaType: 'application/json', length: sbom.length } as const;
  const attachments = [{ ...attached, sha256: await small.putBlob(sbom) }];
  const secret: ReleaseManifest = {
    ...{ ...smallRelease('1.0.0', 1), schemaVersion: 3, minUpdaterVersion: '0.2.0', attachments },
  };
  const shared = smallRelease('2.0.0', 2);
  const theirs = otherRelease(shared);
  const blobs: Digest[] = [];
  for (const version of ['1.0.0', '2.0.0', '7.0.0']) {
    blobs.push(await small.putBlob(Buffer.from(`server ${version}`)));
  }
  for (const release of [secret, shared, theirs]) await small.publish(release);
  const manifestOf = (release: ReleaseManifest) => `/v1/targets/${encodeManifest(release).sha256}.release.json`;
  const version = small.repository.version;
  return {
    small,
    secret: [
      `/v1/metadata/${version}.${product}.json`,
      manifestOf(secret),
      ...[blobs[0], attachments[0]?.sha256].map((digest) => `/v1/blobs/sha256/${digest}`),
    ],
    open: [
      ...[
        'timestamp.json',
        '1.root.json',
        `${version}.snapshot.json`,
        '1.targets.json',
        `${version}.${other}.json`,
      ].map((name) => `/v1/metadata/${name}`),
      manifestOf(theirs),
      `/v1/blobs/sha256/${blobs[1]}`,
      `/v1/blobs/sha256/${blobs[2]}`,
    ],
  };
}

let opened: SmallFleet | undefined;
const open = async (options?: FleetOptions) => {
  const all = await stored(options);
  opened = all.small;
  return all;
};
afterEach(() => opened?.[Symbol.asyncDispose]());

describe('content of a private product', () => {
  it('is for callers of its own, and other content is for everybody', async () => {
    const { small, secret, open: shown } = await open();
    const callers: readonly (readonly [string, string | undefined, number])[] = [
      ['nobody', undefined, 401],
      ['an unknown token', `slp_device_${'x'.repeat(43)}`, 401],
      ['a device of it', await small.enrol('own'), 200],
      ['a device of another product', await small.enrol('other', other), 403],
      ['an operator without the scope', await small.token('operator', 'devices:read'), 403],
      ['CI with the scope', await small.token('ci', 'artifacts:read'), 200],
      ['an operator of it', await small.boundToken({ products: [product] }, ['artifacts:read']), 200],
      ['an operator that only reads', await small.boundToken({ readOnly: true }, scopeNames), 200],
      ['an operator of another product', await small.boundToken({ products: [other] }, scopeNames), 403],
      ['an operator of a rollout that is not there', await small.boundToken({ rollouts: ['x'] }, scopeNames), 403],
    ];
    for (const [who, token, status] of callers) {
      for (const url of secret)
        expect([who, url, (await small.ask('GET', url, token)).statusCode]).toEqual([who, url, status]);
      for (const url of shown)
        expect([who, url, (await small.ask('GET', url, token)).statusCode]).toEqual([who, url, 200]);
    }
  });

  it('is kept by no cache that is shared', async () => {
    const { small, secret, open: shown } = await open();
    const token = await small.enrol('own');
    for (const url of secret) {
      expect((await small.ask('GET', url, token)).headers['cache-control']).toMatch(/^private, /);
    }
    for (const url of shown.slice(1)) {
      expect((await small.ask('GET', url, token)).headers['cache-control']).toMatch(/^public, /);
    }
  });

  it.each([
    ['revoked', 401, (small: SmallFleet) => small.fleet.revokeDevice('own', small.now)],
    ['forgotten', 401, (small: SmallFleet) => small.fleet.forgetDevice('own')],
  ])('is lost to a device that was %s, whatever it asks for and how', async (_what, status, end) => {
    const { small, secret } = await open();
    const token = await small.enrol('own');
    const [, , blob = ''] = secret;
    const etag = String((await small.ask('GET', blob, token)).headers.etag);
    await end(small);
    const authorization = `Bearer ${token}`;
    const ways: readonly (readonly ['GET' | 'HEAD', Record<string, string>])[] = [
      ['GET', {}],
      ['HEAD', {}],
      ['GET', { range: 'bytes=0-3' }],
      ['GET', { range: 'bytes=2-', 'if-range': etag }],
      ['GET', { 'if-none-match': etag }],
      ['GET', { 'if-match': '"another"' }],
    ];
    for (const url of secret) {
      for (const [method, headers] of ways) {
        const answer = await small.app.inject({ method, url, headers: { authorization, ...headers } });
        expect([url, method, headers, answer.statusCode]).toEqual([url, method, headers, status]);
        expect([answer.headers.etag, answer.headers['content-range']]).toEqual([undefined, undefined]);
      }
    }
  });

  it('waits for a device until somebody accepts it', async () => {
    const { small, secret } = await open({ policy: { acceptance: async () => 'pending' } });
    const token = await small.enrol('own');
    for (const url of secret) expect((await small.ask('GET', url, token)).json().code).toBe('device-pending');
    await small.fleet.decideDevice('own', 'accepted', small.now);
    for (const url of secret) expect((await small.ask('GET', url, token)).statusCode).toBe(200);
  });

  it('is shown as metadata to a token that may enrol a device of it, which proves the server by it', async () => {
    const { small, secret } = await open();
    const [role = '', manifest = '', blob = ''] = secret;
    const enrolment = (products: string[]) => {
      const bound = { labels: {}, products, groups: [] };
      const { token, record } = mintToken({ purpose: 'enrol', uses: 1, bound, now: small.now, randomBytes });
      return small.fleet.saveToken(record).then(() => token);
    };
    expect((await small.ask('GET', role, await enrolment([]))).statusCode).toBe(200);
    expect((await small.ask('GET', role, await enrolment([product]))).statusCode).toBe(200);
    expect((await small.ask('GET', role, await enrolment([other]))).json().code).toBe('out-of-reach');
    for (const url of [manifest, blob]) expect((await small.ask('GET', url, await enrolment([]))).statusCode).toBe(403);
  });

  it('is that of every product by a star', async () => {
    const { small, secret, open: shown } = await open({ privateProducts: ['*'] });
    for (const url of [...secret, ...shown.slice(4)]) expect((await small.ask('GET', url)).statusCode).toBe(401);
    for (const url of shown.slice(0, 4)) expect((await small.ask('GET', url)).statusCode).toBe(200);
  });

  it('is not known before the store was read, and then nobody gets a blob', async () => {
    const { small, secret } = await open();
    const token = await small.enrol('own');
    await using fresh = await SmallFleet.open({ beside: small, privateProducts: [product], readsStore: false });
    expect((await fresh.ask('GET', secret[2] ?? '', token)).json().code).toBe('starting');
  });

  it('is looked for in the store where it was published a moment ago, and is for the fleet alone where no release names it', async () => {
    const { small } = await open();
    const [own, theirs] = [await small.enrol('own'), await small.enrol('theirs', other)];
    const stray = `/v1/blobs/sha256/${await small.putBlob(Buffer.from('named by nothing'))}`;
    const statuses = async (url: string) =>
      Promise.all([undefined, own, theirs].map(async (token) => (await small.ask('GET', url, token)).statusCode));
    expect(await statuses(stray)).toEqual([401, 200, 200]);
    const late = `/v1/blobs/sha256/${await small.putBlob(Buffer.from('server 3.0.0'))}`;
    small.lapse(6);
    await using unaware = await SmallFleet.open({ beside: small, privateProducts: [product] });
    await small.publish(smallRelease('3.0.0', 3));
    expect((await unaware.ask('GET', late, theirs)).statusCode).toBe(403);
    expect((await unaware.ask('GET', late, own)).statusCode).toBe(200);
  });
});

describe('a link', () => {
  let small: SmallFleet;
  let token: string;
  let blob: string;
  let link: URL;
  beforeEach(async () => {
    const all = await open({ policy: { blobOrigin: origin } });
    small = all.small;
    blob = all.secret[2] ?? '';
    token = await small.enrol('own');
    const answer = await small.ask('GET', blob, token);
    expect([answer.statusCode, answer.headers['cache-control']]).toEqual([307, 'no-store']);
    link = new URL(String(answer.headers.location));
  });
  const follow = (change: (url: URL) => void = () => {}, by = small) => {
    const url = new URL(link);
    change(url);
    return by.ask('GET', url.pathname.replace('/blobs', '') + url.search);
  };

  it('is for the address of the cache, says nothing of a bearer, and gives the blob, whole and in parts', async () => {
    expect(link.href.startsWith(`${origin}${blob}?`)).toBe(true);
    expect(link.href).not.toContain(token);
    expect((await follow()).body).toBe('server 1.0.0');
    const part = await small.app.inject({ url: blob + link.search, headers: { range: 'bytes=7-' } });
    expect([part.statusCode, part.body]).toEqual([206, '1.0.0']);
  });

  it('is taken by another replica, which has the same key', async () => {
    await using replica = await SmallFleet.open({ beside: small, privateProducts: [product] });
    expect((await follow(undefined, replica)).statusCode).toBe(200);
  });

  it('ends after five minutes', async () => {
    small.lapse(299);
    expect((await follow()).statusCode).toBe(200);
    small.lapse(2);
    expect((await follow()).statusCode).toBe(401);
  });

  it('is good until its end where the key was changed meanwhile, and the new key is another one', async () => {
    small.lapse(86_300);
    const late = await small.ask('GET', blob, await small.enrol('late'));
    link = new URL(String(late.headers.location));
    small.lapse(200);
    const newer = new URL(String((await small.ask('GET', blob, await small.enrol('later'))).headers.location));
    expect(newer.searchParams.get('key')).not.toBe(link.searchParams.get('key'));
    expect((await follow()).statusCode).toBe(200);
  });

  it.each<[string, (url: URL) => void]>([
    ['a later end', (url) => url.searchParams.set('expires', String(Number(url.searchParams.get('expires')) + 1))],
    ['no end', (url) => url.searchParams.delete('expires')],
    ['another device', (url) => url.searchParams.set('device', 'others')],
    ['another key', (url) => url.searchParams.set('key', 'abcdef')],
    ['a signature of zeros', (url) => url.searchParams.set('signature', 'A'.repeat(43))],
    ['no signature', (url) => url.searchParams.delete('signature')],
  ])('is refused with %s', async (_what, change) => {
    await small.enrol('others');
    expect((await follow(change)).statusCode).toBe(401);
  });

  it('is for its own path alone', async () => {
    await small.publish(smallRelease('4.0.0', 4));
    const digest = await small.putBlob(Buffer.from('server 4.0.0'));
    expect((await small.ask('GET', `/v1/blobs/sha256/${digest}${link.search}`)).statusCode).toBe(401);
  });

  it('ends at once with its device', async () => {
    await small.fleet.revokeDevice('own', small.now);
    expect((await follow()).json().code).toBe('device-revoked');
  });

  it('is not needed for what is open, which the cache has under one name', async () => {
    const digest = await small.putBlob(Buffer.from('server 7.0.0'));
    const answer = await small.ask('GET', `/v1/blobs/sha256/${digest}`);
    expect(answer.headers.location).toBe(`${origin}/v1/blobs/sha256/${digest}?direct=1`);
    expect((await small.ask('GET', `/v1/blobs/sha256/${digest}?direct=1`)).body).toBe('server 7.0.0');
  });
});

/** As a cache at a site does: passes each request on to the server, and notes what it was shown. */
async function cacheBefore(server: () => string, seen: (string | undefined)[]): Promise<HttpListener> {
  const cache = createServer((incoming, outgoing) => {
    seen.push(incoming.headers.authorization);
    const { host: _, ...headers } = incoming.headers;
    const passed = httpRequest(`${server()}${incoming.url}`, { headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    passed.end();
  });
  cache.listen(0, '127.0.0.1');
  await once(cache, 'listening');
  return cache;
}

it('a real updater installs from a private product through a cache on another address, and shows it no bearer', async () => {
  let server = '';
  const seen: (string | undefined)[] = [];
  const cache = await cacheBefore(() => server, seen);
  const { small, secret } = await open({
    policy: { blobOrigin: `http://127.0.0.1:${(cache.address() as AddressInfo).port}` },
  });
  server = await small.app.listen({ port: 0, host: '127.0.0.1' });
  await small.declare('r', { release: '1.0.0', waves: [{ name: 'all', percent: 100 }] });
  const device = new EdgeDevice();
  device.clock.jumpTo(small.now);
  writeFileSync(device.rootFile, small.repository.root.bytes);
  const tokenFile = path.join(device.folder, 'enrolment-token');
  writeFileSync(tokenFile, await small.enrolmentToken(1));
  mkdirSync(device.stateDirectory, { recursive: true });
  const { deviceId, stateDirectory } = device;
  const token = new DeviceToken({
    ...{ stateDirectory, enrolmentTokenFile: tokenFile, prove: async () => {} },
    request: { deviceId, product, platform: 'linux/amd64', labels: {} },
    key: async () => keyInFile(stateDirectory),
  });
  const asked = new HttpServer({
    ...{ server, deviceId, userAgent: 'test', caFile: undefined, developmentAllowHttp: true, stallSeconds: 5 },
    token: (enrolment, refused) => token.get(enrolment, refused),
  });
  try {
    await device.start({ asked }).check(new AbortController().signal);
    expect(device.told.join('\n')).toContain('1.0.0');
    expect(device.slots.currentLink).toBeDefined();
    expect(seen).toEqual([undefined]);
    expect((await small.ask('GET', secret[2] ?? '')).statusCode).toBe(401);
    // The same device, revoked, learns nothing more.
    await small.fleet.revokeDevice(deviceId, small.now);
    const answer = await asked
      .openBlob(secret[2]?.split('/').at(-1) ?? '', { offset: 0, etag: undefined }, new AbortController().signal)
      .catch((error) => error);
    expect(answer.status ?? answer.code).not.toBe(200);
  } finally {
    await asked.close();
    cache.close();
  }
});

it('a device with a long bearer of earlier versions reads on', async () => {
  const { small, secret } = await open();
  const token = await small.enrol('old');
  const [record] = await small.fleet.listTokens({ purpose: 'device', limit: 1 });
  expect(record?.expiresAt).toBeUndefined();
  small.lapse(400 * 86_400);
  expect((await small.ask('GET', secret[2] ?? '', token)).statusCode).toBe(200);
  expect(enrolBody('old').schemaVersion).toBe(1);
});
