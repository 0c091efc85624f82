/** A device whose only way out is a proxy: names lead nowhere here, so what is answered went through it. */
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { HttpServer } from '../../../../edge-updater/adapters/network/http-server.ts';
import { proxiesOf } from '../../../../edge-updater/configuration.ts';
import { type Environment, noProxyRule, oneProxy, proxiesOfEnvironment } from '../../../../system/network/proxy.ts';
import { type CertificateFiles, selfSigned } from '../../../fakes/certificate.ts';
import { never } from '../../../fakes/edge-device.ts';
import { ForwardProxy, type ForwardProxyOptions } from '../../../fakes/forward-proxy.ts';
import { missingCommands } from '../../../services/commands.ts';
import { describeUnless } from '../../../services/requirement.ts';

const digest = 'a'.repeat(64);

describeUnless(missingCommands('openssl'), 'through a proxy', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'slipway-proxy-'));
  const opened: (AsyncDisposable | Server)[] = [];
  let own: CertificateFiles;
  let store: CertificateFiles;

  beforeAll(() => {
    own = selfSigned(folder, 'own', ['DNS:updates.example.test']);
    store = selfSigned(folder, 'store', ['DNS:store.example.test']);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  afterEach(async () => {
    for (const one of opened.splice(0)) {
      if ('listen' in one) {
        one.closeAllConnections();
        one.close();
      } else await one[Symbol.asyncDispose]();
    }
  });

  async function listen(files: CertificateFiles, answer: RequestListener): Promise<number> {
    const server = createServer({ cert: files.cert, key: files.key }, answer).listen(0, '127.0.0.1');
    opened.push(server);
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  }

  /** The proxy alone knows where the distributor and its store are; the distributor redirects blobs. */
  async function network(options: ForwardProxyOptions = {}): Promise<ForwardProxy> {
    const proxy = await ForwardProxy.open(options);
    opened.push(proxy);
    const updates = await listen(own, (incoming, outgoing) => {
      const location = 'https://store.example.test/bucket/blob?X-Amz-Signature=abc';
      if (incoming.url?.startsWith('/v1/blobs/')) outgoing.writeHead(307, { location }).end();
      else outgoing.end('metadata');
    });
    const blobs = await listen(store, (_, outgoing) => outgoing.end('a blob'));
    proxy.leads.set('updates.example.test:443', updates).set('store.example.test:443', blobs);
    return proxy;
  }

  function deviceBy(proxies = noProxyRule, environment: Environment = {}): HttpServer {
    const device = new HttpServer({
      ...{ server: 'https://updates.example.test', deviceId: 'd', userAgent: 'test', developmentAllowHttp: false },
      ...{ caFile: own.certFile, stallSeconds: 5, proxies, environment },
      token: async () => 'token',
    });
    opened.push({ [Symbol.asyncDispose]: () => device.close() });
    return device;
  }
  const metadata = async (device: HttpServer) =>
    Buffer.from((await device.metadata('timestamp.json', 100, never)) ?? []).toString();
  const textOf = (thrown: unknown) => {
    const { message, hint, cause } = thrown as Error & { hint?: string };
    return `${message} ${hint} ${cause} ${JSON.stringify(thrown)}`;
  };

  it.each(['HTTPS_PROXY', 'https_proxy', 'ALL_PROXY'])('named by %s a device reaches its server', async (name) => {
    const proxy = await network();
    expect(await metadata(deviceBy(proxiesOfEnvironment({ [name]: proxy.url })))).toBe('metadata');
    expect(proxy.asked).toEqual(['CONNECT updates.example.test:443']);
  });

  it('with credentials it is told them, in either place', async () => {
    const proxy = await network({ credentials: 'user:s3cret' });
    const url = new URL(proxy.urlWithCredentials);
    expect(await metadata(deviceBy(proxiesOfEnvironment({ HTTPS_PROXY: url.href })))).toBe('metadata');
    expect(await metadata(deviceBy(proxiesOf({ proxy: { url: url.href, noProxy: [] } }, {})))).toBe('metadata');
  });

  it('a redirect to a store with a CA of the system is followed, besides a caFile of another', async () => {
    const proxy = await network();
    const bundle = path.join(folder, 'bundle.pem');
    writeFileSync(bundle, `\n# a system's bundle\n${store.cert}`);
    const device = deviceBy(proxiesOfEnvironment({ HTTPS_PROXY: proxy.url }), { SSL_CERT_FILE: bundle });
    const answer = await device.openBlob(digest, { offset: 0, etag: undefined }, never);
    const chunks: Uint8Array[] = [];
    for await (const chunk of answer.body) chunks.push(chunk);
    expect(Buffer.concat(chunks).toString()).toBe('a blob');
    expect(proxy.asked).toEqual(['CONNECT updates.example.test:443', 'CONNECT store.example.test:443']);
  });

  it('a store whose CA nobody knows is not believed, and the key that helps is named', async () => {
    const proxy = await network();
    const device = deviceBy(oneProxy(new URL(proxy.url), [], 'proxy of edge.yaml'), { SSL_CERT_FILE: own.certFile });
    await expect(device.openBlob(digest, { offset: 0, etag: undefined }, never)).rejects.toMatchObject({
      ...{ code: 'tls-failed', hint: expect.stringContaining('caFile'), message: expect.stringContaining('store') },
    });
  });

  it.each<[string, (proxy: ForwardProxy) => string | { url: string; noProxy: string[] }, string]>([
    ['none', () => 'none', 'server-unreachable'],
    ['noProxy with the name of the server', ({ url }) => ({ url, noProxy: ['example.test'] }), 'server-unreachable'],
  ])('%s of edge.yaml goes straight, whatever the environment says', async (_, proxyOf, code) => {
    const proxy = await network();
    const rule = proxiesOf({ proxy: proxyOf(proxy) }, { HTTPS_PROXY: proxy.url });
    await expect(metadata(deviceBy(rule))).rejects.toMatchObject({ code });
    expect(proxy.asked).toEqual([]);
  });

  it('proxy of edge.yaml wins over the environment', async () => {
    const proxy = await network();
    const rule = proxiesOf({ proxy: proxy.url }, { HTTPS_PROXY: 'http://127.0.0.1:9', NO_PROXY: '*' });
    expect(await metadata(deviceBy(rule))).toBe('metadata');
  });

  it.each([
    [407, 'proxy-refused', /user and a password/],
    [403, 'proxy-refused', /updates\.example\.test:443/],
    [503, 'server-unreachable', /proxy can reach updates/],
  ] as const)('that answers %i is of the path, and its place is named', async (status, code, hint) => {
    const proxy = await network(status === 407 ? { credentials: 'user:other' } : { status });
    const { host } = new URL(proxy.url);
    for (const [rule, place] of [
      [proxiesOfEnvironment({ HTTPS_PROXY: `http://user:s3cret@${host}` }), /HTTPS_PROXY|NO_PROXY|proxy can/],
      [proxiesOf({ proxy: `http://user:s3cret@${host}` }, {}), /edge\.yaml|proxy can/],
    ] as const) {
      const thrown = await metadata(deviceBy(rule)).catch((error: unknown) => error);
      expect(thrown).toMatchObject({ code, fault: 'path', hint: expect.stringMatching(hint) });
      expect(thrown).toMatchObject({ message: expect.stringContaining(String(status)) });
      expect(textOf(thrown)).toMatch(place);
      expect(textOf(thrown)).not.toContain('s3cret');
    }
  });

  it('that is not there is of the path, and named without its credentials', async () => {
    const proxy = await network();
    const { host } = new URL(proxy.url);
    await proxy[Symbol.asyncDispose]();
    const device = deviceBy(proxiesOfEnvironment({ HTTPS_PROXY: `http://user:s3cret@${host}` }));
    const thrown = await metadata(device).catch((error: unknown) => error);
    expect(thrown).toMatchObject({ code: 'server-unreachable', hint: expect.stringContaining('HTTPS_PROXY') });
    expect(textOf(thrown)).toContain(host);
    expect(textOf(thrown)).not.toContain('s3cret');
  });
});
