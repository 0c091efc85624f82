/** A blob whose server redirects, over real HTTP: what goes along with the second request. */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { HttpServer } from '../../../../edge-updater/adapters/network/http-server.ts';
import { never } from '../../../fakes/edge-device.ts';

const token = `slp_device_${'d'.repeat(43)}`;

it.each([
  ['the same host, as where distributor and S3 stand behind one name', ''],
  ['another host', 'http://localhost'],
])('sends no token to %s', async (_what, host) => {
  const seen: [string, IncomingHttpHeaders][] = [];
  const server = createServer((incoming, outgoing) => {
    seen.push([incoming.url ?? '', incoming.headers]);
    if (incoming.url?.startsWith('/bucket/')) {
      // Ceph and S3 answer 400 to a signature in the query with another one beside it.
      outgoing.writeHead(incoming.headers.authorization === undefined ? 200 : 400).end('bytes');
      return;
    }
    const { port } = server.address() as AddressInfo;
    const location = `${host === '' ? '' : `${host}:${port}`}/bucket/blob?X-Amz-Signature=abc`;
    outgoing.writeHead(307, { location }).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = new HttpServer({
    ...{ server: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, deviceId: 'wt-1', userAgent: 'test' },
    ...{ caFile: undefined, developmentAllowHttp: true, stallSeconds: 5 },
    token: async () => token,
  });
  try {
    const answer = await client.openBlob('a'.repeat(64), { offset: 0, etag: undefined }, never);
    answer.discard();
    expect(answer.status).toBe(200);
    const document = await client.attachment('a'.repeat(64), 100, never);
    expect(Buffer.from(document ?? []).toString()).toBe('bytes');
    expect(seen.map(([url, headers]) => [url.split('?')[0], headers.authorization])).toEqual([
      [`/v1/blobs/sha256/${'a'.repeat(64)}`, `Bearer ${token}`],
      ['/bucket/blob', undefined],
      [`/v1/blobs/sha256/${'a'.repeat(64)}`, `Bearer ${token}`],
      ['/bucket/blob', undefined],
    ]);
  } finally {
    await client.close();
    server.close();
  }
});
