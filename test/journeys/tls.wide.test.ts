import { execFileSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RunningProgram, runCommand, runJson } from '../../infra/demo/programs.ts';
import { ForwardProxy } from '../fakes/forward-proxy.ts';
import { missingCommands } from '../services/commands.ts';
import { describeUnless } from '../services/requirement.ts';
import { configureDevice, endService, enrolmentToken, listening, publishShop } from './small-shop.ts';

describeUnless(missingCommands('openssl'), 'a distributor with certificate files', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'slipway-tls-'));
  const at = (...parts: string[]) => path.join(folder, ...parts);
  let distributor: RunningProgram;
  let server: string;
  let tokenFile: string;

  beforeAll(async () => {
    const subject = [
      '-subj',
      '/CN=slipway test',
      '-addext',
      'subjectAltName=IP:127.0.0.1,DNS:updates.example.test',
      '-days',
      '2',
      '-nodes',
    ];
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];
    for (const name of ['server', 'stranger']) {
      const files = ['-keyout', at(`${name}.key`), '-out', at(`${name}.crt`)];
      execFileSync('openssl', ['req', '-x509', ...curve, ...subject, ...files], { stdio: 'ignore' });
    }
    await publishShop(folder, `file://${at('store')}`);
    distributor = new RunningProgram('slipway-distributor', [
      ...['serve', '--store', `file://${at('store')}`, '--rollouts', at('rollouts'), '--state', at('state')],
      ...['--tls-cert', at('server.crt'), '--tls-key', at('server.key')],
      ...['--listen', '127.0.0.1:0', '--log-level', 'error', '--json'],
    ]);
    server = await listening(distributor);
    tokenFile = await enrolmentToken(at('state'));
  });

  afterAll(() => distributor.stop());

  const device = (name: string, more: Record<string, unknown>) =>
    configureDevice(at(name), { server, trustedRoot: at('root.json'), enrolment: { tokenFile }, ...more });

  it.each([
    ['whose CA it was not given', {}],
    ['whose certificate is signed by another', { caFile: at('stranger.crt') }],
  ])('is not believed by a device %s, which sends it no token', async (_, trust) => {
    const configuration = device('distrustful', trust);
    const { exitCode, stdout } = await runCommand('slipway-edge', ['check-now', '--config', configuration, '--json']);
    expect(exitCode).toBe(5);
    expect(JSON.parse(stdout)).toMatchObject({
      error: { code: 'tls-failed', hint: expect.stringContaining('caFile') },
    });
  });

  it('brings a device that trusts its CA to the release', async () => {
    expect(server).toMatch(/^https:/);
    const configuration = device('trusting', { caFile: at('server.crt') });
    const result = await runJson('slipway-edge', ['check-now', '--config', configuration]);
    await endService(configuration);
    expect(JSON.stringify(result)).toContain('committed');
  });

  it('is reached through the proxy of edge.yaml alone, whose credentials nobody is shown', async () => {
    await using proxy = await ForwardProxy.open({ credentials: 'user:s3cret' });
    proxy.leads.set('updates.example.test:443', Number(new URL(server).port));
    const trust = { server: 'https://updates.example.test', caFile: at('server.crt'), deviceId: 'behind-a-proxy' };
    const own = { ...trust, enrolment: { tokenFile: await enrolmentToken(at('state')) } };
    const refused = device('refused', { ...own, proxy: `http://user:s3cret-not@127.0.0.1:${proxy.port}` });
    const { exitCode, stdout, stderr } = await runCommand('slipway-edge', ['check-now', '--config', refused, '--json']);
    expect(exitCode).toBe(5);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'proxy-refused' } });
    const configuration = device('proxied', { ...own, proxy: proxy.urlWithCredentials });
    const result = await runJson('slipway-edge', ['check-now', '--config', configuration]);
    const status = await runJson('slipway-edge', ['status', '--config', configuration]);
    await endService(configuration);
    expect(JSON.stringify(result)).toContain('committed');
    expect(JSON.stringify([stdout, stderr, result, status])).not.toContain('s3cret');
    expect(proxy.asked.length).toBeGreaterThan(1);
  });

  it('is refused over plain HTTP', async () => {
    const configuration = device('plain', { server: server.replace('https:', 'http:') });
    const { exitCode, stdout } = await runCommand('slipway-edge', ['check-now', '--config', configuration, '--json']);
    expect(exitCode).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'transport-insecure' } });
  });
});
