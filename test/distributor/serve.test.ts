import { execFile } from 'node:child_process';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect } from 'node:tls';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { blobKey } from '../../contract/store-keys.ts';
import { callDistributorJson } from '../fakes/distributor-command.ts';
import { type Served, serve } from '../fakes/served.ts';
import { enrolBody, idleDevice } from '../fakes/small-fleet.ts';
import { programFile } from '../services/program-files.ts';

const run = promisify(execFile);

let folder: string;
let running: Served[];
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'served-'));
  running = [];
});
afterEach(async () => {
  for (const served of running) served.process.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});
const start = async (...given: Parameters<typeof serve> extends [string, ...infer Rest] ? Rest : never) => {
  const served = await serve(folder, ...given);
  running.push(served);
  return served;
};

/** One call of the command line: exit status, and what it printed as JSON. */
const command = callDistributorJson;

async function makeCertificate(cert: string, key: string, name: string): Promise<void> {
  const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1'];
  await run('openssl', ['req', ...kind, '-subj', `/CN=${name}`, '-keyout', key, '-out', cert]);
}

/** A key for permits in a file of this mode. */
async function permitKey(mode: number): Promise<string> {
  const file = path.join(folder, 'permit.key');
  const { privateKey } = generateKeyPairSync('ed25519');
  await writeFile(file, privateKey.export({ type: 'pkcs8', format: 'pem' }));
  await chmod(file, mode);
  return file;
}

const post = (url: string, token: string, body: object) =>
  fetch(url, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });

describe('the server as a process', () => {
  it('serves a blob of 300 MB to four slow and fast clients without holding it', async () => {
    const length = 300 * 1024 * 1024;
    const zeros = Buffer.alloc(1024 * 1024);
    const hash = createHash('sha256');
    for (let i = 0; i < length / zeros.length; i++) hash.update(zeros);
    const digest = hash.digest('hex');
    const file = path.join(folder, 'store', blobKey(digest));
    await mkdir(path.dirname(file), { recursive: true });
    const sparse = await open(file, 'w');
    await sparse.truncate(length);
    await sparse.close();
    const served = await start();
    const url = `${served.url}/v1/blobs/sha256/${digest}`;
    // V8 collects spent buffers once they are about 64 MiB, whatever the blob: that much is there before we measure.
    const warm = await fetch(url, { headers: { range: 'bytes=0-100663295' } });
    for await (const _ of warm.body ?? []);
    const before = served.residentBytes();
    let peak = before;

    // Three that do not read: what they are not sent must wait in the file.
    const stalled = await Promise.all([1, 2, 3].map(() => fetch(url)));
    const received = createHash('sha256');
    const whole = await fetch(url);
    let bytes = 0;
    let chunks = 0;
    for await (const chunk of whole.body ?? []) {
      received.update(chunk);
      bytes += chunk.length;
      if (++chunks % 64 === 0) peak = Math.max(peak, served.residentBytes());
    }
    await Promise.all(stalled.map((answer) => answer.body?.cancel()));
    expect([bytes, received.digest('hex')]).toEqual([length, digest]);
    const metrics = await (await fetch(`${served.url}/metrics`)).text();
    expect(Number(/^slipway_blob_bytes_total (\S+)$/m.exec(metrics)?.[1])).toBeGreaterThan(length);
    expect(peak - before).toBeLessThan(60 * 1024 * 1024);
  });

  it('finishes what it is sending when it is told to stop, and exits with 0', async () => {
    const content = Buffer.alloc(4 * 1024 * 1024, 7);
    const digest = createHash('sha256').update(content).digest('hex');
    const file = path.join(folder, 'store', blobKey(digest));
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, content);
    const served = await start();
    const answer = await fetch(`${served.url}/v1/blobs/sha256/${digest}`);
    const ended = served.end('SIGTERM');
    expect(Buffer.from(await answer.arrayBuffer()).equals(content)).toBe(true);
    expect(await ended).toBe(0);
    await expect(fetch(`${served.url}/healthz`)).rejects.toThrow();
  });

  it('is alive but not ready without a repository', async () => {
    const { url } = await start();
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    const ready = await fetch(`${url}/readyz`);
    expect(ready.status).toBe(503);
    expect(await ready.json()).toMatchObject({ ready: false, catalog: 'empty', code: 'repository-missing' });
  });

  it('knows tokens made on the command line while it runs, and what it knew after SIGKILL', async () => {
    const state = path.join(folder, 'state');
    const served = await start();
    const { printed } = await command('enrolment-token', 'create', '--state', state);
    const enrolled = await post(`${served.url}/v1/enrol`, printed.token, enrolBody('gate-1'));
    expect(enrolled.status).toBe(201);
    const { deviceToken } = (await enrolled.json()) as { deviceToken: string };
    expect(await served.end('SIGKILL')).toBe('SIGKILL');
    const again = await start();
    expect((await post(`${again.url}/v1/devices/gate-1/check`, deviceToken, idleDevice)).status).toBe(200);
    expect((await command('device', 'ls', '--state', state)).printed.devices).toMatchObject([
      { id: 'gate-1', phase: 'idle' },
    ]);
    await command('device', 'revoke', 'gate-1', '--state', state);
    expect((await post(`${again.url}/v1/devices/gate-1/check`, deviceToken, idleDevice)).status).toBe(403);
  });

  it('takes up a changed rollout file by itself', async () => {
    const { url } = await start();
    const operator = (
      await command(
        'token',
        'create',
        '--purpose',
        'operator',
        '--scope',
        'rollouts:read',
        '--state',
        `${folder}/state`,
      )
    ).printed.token;
    const list = async () => {
      const answer = await fetch(`${url}/v1/rollouts`, { headers: { authorization: `Bearer ${operator}` } });
      return (await answer.json()) as { rollouts: { name: string }[]; refused?: object };
    };
    expect((await list()).rollouts).toEqual([]);
    const spec = { product: 'edge', release: '1.0.0', waves: [{ name: 'all', percent: 100 }] };
    const document = { apiVersion: 'slipway/v1', kind: 'Rollout', metadata: { name: 'r' }, spec };
    await writeFile(path.join(folder, 'rollouts', 'r.yaml'), JSON.stringify(document));
    await expect
      .poll(async () => (await list()).rollouts, { timeout: 20_000 })
      .toMatchObject([{ name: 'r', status: 'waiting' }]);
    await writeFile(path.join(folder, 'rollouts', 'r.yaml'), 'broken: [');
    await expect
      .poll(async () => (await list()).refused, { timeout: 20_000 })
      .toMatchObject({ code: 'document-invalid' });
    expect((await list()).rollouts).toMatchObject([{ name: 'r' }]);
    const metrics = await (await fetch(`${url}/metrics`)).text();
    expect(metrics).toContain('slipway_rollouts_refused 1');
    expect((await command('rollout', 'show', 'r', '--state', `${folder}/state`)).printed.rollouts).toHaveLength(1);
  });
});

describe('the command line', () => {
  it('may be used by several people at once on the state of a server that stopped', async () => {
    const served = await start();
    await served.end('SIGTERM');
    const words = [programFile('distributor'), 'token', 'ls', '--state', path.join(folder, 'state'), '--json'];
    const ask = () => run(process.execPath, words);
    for (const { stdout } of await Promise.all([ask(), ask(), ask()]))
      expect(JSON.parse(stdout)).toEqual({ tokens: [] });
  });

  const base = () => ['serve', '--store', `file://${folder}/store`, '--rollouts', folder, '--state', `${folder}/state`];

  it('ends when it cannot listen, and has put no plan in force', async () => {
    const { port } = await start();
    await mkdir(path.join(folder, 'plans'));
    const spec = { product: 'edge', release: '1.0.0', waves: [{ name: 'all', percent: 100 }] };
    const document = { apiVersion: 'slipway/v1', kind: 'Rollout', metadata: { name: 'r' }, spec };
    await writeFile(path.join(folder, 'plans', 'r.yaml'), JSON.stringify(document));
    const other = ['--state', path.join(folder, 'other')];
    const source = ['--store', `file://${folder}/store`, '--rollouts', path.join(folder, 'plans')];
    const { status, printed } = await command('serve', ...source, ...other, '--listen', `127.0.0.1:${port}`);
    expect([status, printed.error.code]).toEqual([7, 'listen-failed']);
    expect((await command('events', '--since', '0', ...other)).printed).toBe(null);
    expect((await command('rollout', 'ls', ...other)).printed.rollouts).toEqual([]);
  });

  it('is refused as a second server of one state, until the first one is gone', async () => {
    const first = await start();
    const { status, printed } = await command(...base(), '--listen', '127.0.0.1:0');
    expect([status, printed.error.code]).toEqual([9, 'already-running']);
    expect(printed.error.message).toContain(`${folder}/state`);
    await first.end('SIGKILL');
    expect((await fetch(`${(await start()).url}/healthz`)).status).toBe(200);
  });

  it.each([
    [['token', 'ls']],
    [['token', 'create', '--purpose', 'ci', '--scope', 'devices:read']],
    [['enrolment-token', 'create']],
    [['device', 'ls']],
    [['rollout', 'ls']],
    [['events']],
  ])('%j says that there is no state where no server made one, and makes none', async (verb) => {
    const place = path.join(folder, 'none');
    const { status, printed } = await command(...verb, '--state', place);
    expect([status, printed.error.code]).toEqual([3, 'state-missing']);
    expect(printed.error.message).toContain(place);
    expect(existsSync(place)).toBe(false);
  });

  it('refuses plain HTTP on an address that others reach', async () => {
    for (const address of ['0.0.0.0:0', '[::]:0', '192.0.2.1:0']) {
      const { status, printed } = await command(...base(), '--listen', address);
      expect([status, printed.error.code]).toEqual([2, 'transport-insecure']);
    }
  });

  it('serves on any address behind a proxy', async () => {
    const { url } = await start(0, '--listen', '0.0.0.0:0', '--behind-proxy');
    expect((await fetch(`${url.replace('0.0.0.0', '127.0.0.1')}/healthz`)).status).toBe(200);
  });

  it('shows metrics on an address of their own, and nothing else there', async () => {
    const { url, lines } = await start(0, '--metrics-listen', '127.0.0.1:0');
    const { metrics } = lines[0] as { metrics: string };
    expect(await (await fetch(metrics)).text()).toContain('slipway_leader 1');
    expect((await fetch(`${url}/metrics`)).status).toBe(404);
    for (const [method, at, status, code] of [
      ['GET', '/', 404, 'not-found'],
      ['GET', '/v1/devices', 404, 'not-found'],
      ['POST', '/metrics', 405, 'method-not-allowed'],
    ] as const) {
      const answer = await fetch(new URL(at, metrics), { method });
      expect([answer.status, await answer.json()]).toMatchObject([status, { code, requestId: expect.any(String) }]);
    }
    const taken = await command(
      ...base(),
      '--state',
      `${folder}/b`,
      '--listen',
      '127.0.0.1:0',
      '--metrics-listen',
      new URL(metrics).host,
    );
    expect([taken.status, taken.printed.error.code]).toEqual([7, 'listen-failed']);
  });

  it('takes a renewed certificate without a restart, and keeps the old one when the new files are broken', async () => {
    const [cert, key] = [path.join(folder, 'tls.crt'), path.join(folder, 'tls.key')];
    await makeCertificate(cert, key, 'first');
    const { url } = await start(
      0,
      '--tls-cert',
      cert,
      '--tls-key',
      key,
      '--metrics-listen',
      '127.0.0.1:0',
      '--log-level',
      'silent',
    );
    const name = async () => {
      const socket = connect({ host: '127.0.0.1', port: Number(new URL(url).port), rejectUnauthorized: false });
      await once(socket, 'secureConnect');
      const { subject } = socket.getPeerCertificate();
      socket.destroy();
      return subject.CN;
    };
    expect(await name()).toBe('first');
    await makeCertificate(cert, key, 'second');
    await expect.poll(name, { timeout: 20_000, interval: 200 }).toBe('second');
    await makeCertificate(cert, path.join(folder, 'other.key'), 'third');
    const metrics = running.at(-1)?.lines[0] as { metrics: string };
    await expect
      .poll(async () => (await fetch(metrics.metrics)).text(), { timeout: 20_000, interval: 500 })
      .toContain('slipway_tls_certificate_reloads_total{outcome="refused"} 1');
    expect(await name()).toBe('second');
  });

  it('names the mistake when certificate and key do not belong together or are none', async () => {
    const [cert, key, other] = ['tls.crt', 'tls.key', 'other.key'].map((file) => path.join(folder, file)) as [
      string,
      string,
      string,
    ];
    await makeCertificate(path.join(folder, 'other.crt'), other, 'other');
    await makeCertificate(cert, key, 'mine');
    await writeFile(path.join(folder, 'none'), 'not PEM');
    for (const [certFile, keyFile, code] of [
      [cert, other, 'certificate-invalid'],
      [path.join(folder, 'none'), key, 'certificate-invalid'],
      [key, cert, 'certificate-invalid'],
      [cert, path.join(folder, 'none'), 'key-unreadable'],
      [cert, cert, 'key-unreadable'],
    ] as const) {
      const { status, printed } = await command(...base(), '--tls-cert', certFile, '--tls-key', keyFile);
      expect([status, printed.error]).toMatchObject([3, { code, hint: expect.any(String) }]);
    }
  });

  it('logs no token, wherever a client puts it, and warns of a key that others may read', async () => {
    const { url, said, end } = await start(
      0,
      '--log-level',
      'debug',
      '--permit-key',
      await permitKey(0o604),
      '--behind-proxy',
    );
    const token = `slp_operator_${'s'.repeat(43)}`;
    for (const at of [
      `/v1/devices?token=${token}`,
      `/${token}`,
      `/v1/devices?t=${token.replace('_', '%5F')}`,
      `/%zz${token}`,
    ]) {
      expect((await fetch(url + at, { headers: { 'x-token': token } })).status).toBeGreaterThan(399);
    }
    await end('SIGTERM');
    expect(said()).toContain('incoming request');
    expect(said()).not.toContain('sssssss');
    expect(said()).toContain('other accounts may read this secret');
  });

  it('speaks TLS with a certificate and key', async () => {
    const [cert, key] = [path.join(folder, 'tls.crt'), path.join(folder, 'tls.key')];
    await makeCertificate(cert, key, 'localhost');
    const { url } = await start(0, '--listen', '0.0.0.0:0', '--tls-cert', cert, '--tls-key', key);
    expect(url).toMatch(/^https:/);
    const { stdout } = await run('curl', [
      '-sS',
      '--cacert',
      cert,
      '--resolve',
      `localhost:${new URL(url).port}:127.0.0.1`,
      `https://localhost:${new URL(url).port}/healthz`,
    ]);
    expect(JSON.parse(stdout)).toEqual({ ok: true });
  });
});
