/** S3 behind a proxy, for the programs that publish to it and read from it: only the proxy knows where its name leads. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, get } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, expect, it } from 'vitest';
import { proxiesOfEnvironment } from '../../../system/network/proxy.ts';
import { AgentByRule } from '../../../system/store/agent-by-rule.ts';
import { openReader } from '../../../system/store/open-reader.ts';
import { openWriter } from '../../../system/store/open-writer.ts';
import { selfSigned } from '../../fakes/certificate.ts';
import { ForwardProxy } from '../../fakes/forward-proxy.ts';
import { missingCommands } from '../../services/commands.ts';
import { describeUnless } from '../../services/requirement.ts';
import { freshBucket, s3Service } from '../../services/s3.ts';

const s3 = s3Service();

describeUnless('unavailable' in s3 ? s3.unavailable : undefined, 'a store that only a proxy reaches', () => {
  if ('unavailable' in s3) return;
  const service = s3;

  async function place(proxy: ForwardProxy) {
    process.env.AWS_ACCESS_KEY_ID = service.owner.accessKeyId;
    process.env.AWS_SECRET_ACCESS_KEY = service.owner.secretAccessKey;
    proxy.leads.set('s3.example.test:80', Number(new URL(service.endpoint).port));
    return `s3://${await freshBucket(service)}?endpoint=http://s3.example.test&region=${service.region}`;
  }

  it('is written and read through it, with credentials', async () => {
    await using proxy = await ForwardProxy.open({ credentials: 'user:s3cret' });
    const url = await place(proxy);
    const environment = { HTTP_PROXY: proxy.urlWithCredentials };
    const writer = await openWriter(url, environment);
    await writer.putNew('metadata/x', Buffer.from('what was published'));
    const reader = await openReader(url, environment);
    expect(String((await reader.readWhole('metadata/x', 100))?.bytes)).toBe('what was published');
    await writer.close();
    await reader.close();
    expect(proxy.asked.map((line) => line.split(' ')[0])).toEqual(['PUT', 'GET']);
    expect(proxy.asked.every((line) => line.includes('http://s3.example.test/'))).toBe(true);
  });

  it('is refused with the name of the variable that helps, and no credentials', async () => {
    await using proxy = await ForwardProxy.open({ credentials: 'user:other' });
    const url = await place(proxy);
    const environment = { HTTP_PROXY: `http://user:s3cret@127.0.0.1:${proxy.port}` };
    const writer = await openWriter(url, environment);
    const reader = await openReader(url, environment);
    for (const asking of [writer.readWhole('metadata/x', 100), reader.readWhole('metadata/x', 100)]) {
      const thrown = await asking.catch((error: unknown) => error);
      expect(thrown).toMatchObject({ code: 'proxy-refused', hint: expect.stringContaining('HTTPS_PROXY') });
      const { message, hint } = thrown as Error & { hint: string };
      expect(`${message} ${hint}`).not.toContain('s3cret');
    }
    await writer.close();
    await reader.close();
  });

  it('is asked straight where NO_PROXY says so', async () => {
    await using proxy = await ForwardProxy.open();
    const url = await place(proxy);
    const reader = await openReader(url, { HTTP_PROXY: proxy.url, no_proxy: '.example.test' });
    await expect(reader.readWhole('metadata/x', 100)).rejects.toMatchObject({ code: 'store-unreachable' });
    expect(proxy.asked).toEqual([]);
    await reader.close();
  });
});

describeUnless(missingCommands('openssl'), 'a store with TLS', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'slipway-s3-proxy-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('is reached through a tunnel, which the proxy may refuse', async () => {
    const { cert, key } = selfSigned(folder, 'store', ['DNS:s3.example.test']);
    const server = createServer({ cert, key }, (_incoming, outgoing) => outgoing.end('a blob')).listen(0, '127.0.0.1');
    await once(server, 'listening');
    await using proxy = await ForwardProxy.open({ credentials: 'user:s3cret' });
    proxy.leads.set('s3.example.test:443', (server.address() as AddressInfo).port);
    const ask = async (HTTPS_PROXY: string) => {
      const agent = new AgentByRule(proxiesOfEnvironment({ HTTPS_PROXY }));
      const request = get('https://s3.example.test/bucket/blob', { agent, ca: cert });
      const [answer] = await once(request, 'response');
      const told = [answer.statusCode, await text(answer)];
      agent.destroy();
      return told;
    };
    expect(await ask(proxy.urlWithCredentials)).toEqual([200, 'a blob']);
    expect(await ask(proxy.url)).toEqual([407, '']);
    expect(proxy.asked).toEqual(Array(2).fill('CONNECT s3.example.test:443'));
    server.close();
  });
});
