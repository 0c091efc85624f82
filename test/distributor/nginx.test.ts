/** The configuration of infra/nginx in the real nginx, before a distributor that lets it send the blobs. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { sha256 } from '../../contract/digest.ts';
import { blobKey } from '../../contract/store-keys.ts';
import { type Served, serve } from '../fakes/served.ts';
import { missingCommands } from '../services/commands.ts';
import { freePort } from '../services/free-port.ts';
import { type RunningNginx, startNginx, whyNoNginx } from '../services/nginx.ts';
import { describeUnless } from '../services/requirement.ts';

const documented = path.join(import.meta.dirname, '../../infra/nginx/slipway.conf');
const content = randomBytes(3_000_000);
const digest = sha256(content);
const tag = `"${digest}"`;
const blob = `/v1/blobs/sha256/${digest}`;
const immutable = 'public, max-age=31536000, immutable';

describeUnless(whyNoNginx() ?? missingCommands('openssl'), 'nginx in front, by the documented configuration', () => {
  let folder: string;
  let served: Served;
  let nginx: RunningNginx;
  let port: number;
  const agent = new Agent({ rejectUnauthorized: false, keepAlive: true });
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'nginx-'));
    const at = (...parts: string[]) => path.join(folder, ...parts);
    await mkdir(path.dirname(at('store', blobKey(digest))), { recursive: true });
    await writeFile(at('store', blobKey(digest)), content);
    served = await serve(
      folder,
      0,
      '--behind-proxy',
      '--trust-proxy',
      '--accel-redirect',
      '/slipway-store/',
      '--log-level',
      'info',
    );
    const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1'];
    execFileSync('openssl', ['req', ...kind, '-subj', '/CN=a', '-keyout', at('tls.key'), '-out', at('tls.crt')], {
      stdio: 'ignore',
    });
    port = await freePort();
    const text = (await readFile(documented, 'utf8'))
      .replace('server 127.0.0.1:8443', `server 127.0.0.1:${served.port}`)
      .replace('listen 443 ssl', `listen 127.0.0.1:${port} ssl`)
      .replaceAll('/etc/nginx/tls', at('tls'))
      .replace('alias /srv/slipway/', `alias ${at('store')}/`);
    nginx = await startNginx(at('nginx'), text, port);
  });
  afterAll(async () => {
    agent.destroy();
    await nginx?.stop();
    served?.process.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  });

  /** Without a client's own ideas of encodings and caches. */
  async function ask(url: string, headers: Record<string, string> = {}, method = 'GET') {
    const answer = await new Promise<import('node:http').IncomingMessage>((resolve, reject) => {
      request({ host: '127.0.0.1', port, path: url, method, headers, agent }, resolve).on('error', reject).end();
    });
    return { status: answer.statusCode, headers: answer.headers, body: await buffer(answer) };
  }

  it.each([
    ['whole', {}, 200, content, undefined],
    ['a range', { range: 'bytes=5-99' }, 206, content.subarray(5, 100), 'bytes 5-99/3000000'],
    ['an open end', { range: 'bytes=2999990-' }, 206, content.subarray(2_999_990), 'bytes 2999990-2999999/3000000'],
    ['If-Range that holds', { range: 'bytes=5-9', 'if-range': tag }, 206, content.subarray(5, 10), 'bytes 5-9/3000000'],
    ['If-Range of another', { range: 'bytes=5-9', 'if-range': '"other"' }, 200, content, undefined],
  ] as const)('sends %s, marked as the distributor marks it', async (_name, headers, status, body, contentRange) => {
    const answer = await ask(blob, headers);
    expect([answer.status, answer.headers['content-range']]).toEqual([status, contentRange]);
    expect(answer.body.equals(body)).toBe(true);
    expect(answer.headers).toMatchObject({
      etag: tag,
      'content-type': 'application/octet-stream',
      'content-length': String(body.length),
    });
    // A range says by itself that ranges are possible; nginx leaves the field out there.
    if (status === 200) expect(answer.headers['accept-ranges']).toBe('bytes');
    expect(answer.headers['cache-control']).toContain(immutable);
    expect(answer.headers).not.toHaveProperty('x-accel-redirect');
    expect(answer.headers).not.toHaveProperty('last-modified');
  });

  it('answers HEAD with the length and no body', async () => {
    const { status, headers, body } = await ask(blob, {}, 'HEAD');
    expect([status, headers['content-length'], headers.etag, body.length]).toEqual([200, '3000000', tag, 0]);
  });

  it('answers with what the distributor refuses', async () => {
    expect((await ask(blob, { 'if-none-match': tag })).status).toBe(304);
    for (const [url, headers, status, code] of [
      [blob, { range: 'bytes=3000000-' }, 416, 'range-invalid'],
      [blob, { 'if-match': '"other"' }, 412, 'precondition-failed'],
      [`/v1/blobs/sha256/${'a'.repeat(64)}`, {}, 404, 'blob-missing'],
    ] as const) {
      const answer = await ask(url, headers);
      expect([answer.status, JSON.parse(String(answer.body)).code]).toEqual([status, code]);
    }
  });

  it('lets nobody reach the store without the distributor', async () => {
    expect((await ask(`/slipway-store/${blobKey(digest)}`)).status).toBe(404);
    expect((await ask('/slipway-store/metadata/timestamp.json')).status).toBe(404);
  });

  it('leaves the bytes to nginx, and tells the distributor who asked', async () => {
    await ask(blob, { 'x-forwarded-for': '192.0.2.1' });
    const metrics = await (await fetch(`${served.url}/metrics`)).text();
    expect(metrics).toContain('slipway_blob_bytes_total 0');
    expect(served.said()).toContain('"from":"127.0.0.1"');
    expect(served.said()).not.toContain('192.0.2.1');
  });
});
