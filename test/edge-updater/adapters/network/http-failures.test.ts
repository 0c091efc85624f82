/** What goes wrong on the way is the path's fault, whatever something on the way says. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createPlain } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CheckRequest } from '../../../../contract/device-api/check.ts';
import { errorCodes } from '../../../../contract/errors.ts';
import { connectionError } from '../../../../edge-updater/adapters/network/http-failures.ts';
import { HttpServer } from '../../../../edge-updater/adapters/network/http-server.ts';
import type { Environment } from '../../../../system/network/proxy.ts';
import { never } from '../../../fakes/edge-device.ts';
import { idleDevice } from '../../../fakes/small-fleet.ts';
import { missingCommands } from '../../../services/commands.ts';
import { describeUnless } from '../../../services/requirement.ts';

const request: CheckRequest = { ...idleDevice, schemaVersion: 2, troubles: [] };

function client(server: string, caFile?: string, environment: Environment = {}): HttpServer {
  return new HttpServer({
    ...{ server, deviceId: 'wt-1', userAgent: 'test', caFile, developmentAllowHttp: true, stallSeconds: 5 },
    environment,
    token: async () => `slp_device_${'d'.repeat(43)}`,
  });
}

const byCa = /`caFile` in edge\.yaml/;
const byClock = /clock/;
const byName = /`server` in edge\.yaml with a name/;
const byPort = /`server` and `proxy` in edge\.yaml/;

it.each([
  ['CERT_HAS_EXPIRED', byClock],
  ['CERT_NOT_YET_VALID', byClock],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', byCa],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', byCa],
  ['SELF_SIGNED_CERT_IN_CHAIN', byCa],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', byCa],
  ['CERT_REVOKED', byCa],
  ['CERT_SIGNATURE_FAILURE', byCa],
  ['ERR_TLS_CERT_ALTNAME_INVALID', byName],
  ['HOSTNAME_MISMATCH', byName],
  ['ERR_SSL_WRONG_VERSION_NUMBER', byPort],
  ['ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', byPort],
  ['EPROTO', byPort],
])('%s is a failure of TLS, with a hint at what helps', (code, hint) => {
  const error = Object.assign(new Error('certificate'), { code });
  for (const thrown of [error, new Error('fetch failed', { cause: error })]) {
    expect(connectionError(thrown, 'https://x')).toMatchObject({
      ...{ code: 'tls-failed', fault: 'path', hint: expect.stringMatching(hint) },
    });
  }
});

it.each(['ECONNREFUSED', 'ENOTFOUND', 'ECONNRESET', 'EHOSTUNREACH'])('%s is no failure of TLS', (code) => {
  expect(connectionError(Object.assign(new Error('x'), { code }), 'https://x')).toMatchObject({
    code: 'server-unreachable',
  });
});

describe('an answer that is no success', () => {
  const ask = async (status: number, body: string) => {
    const server = createPlain((_, response) => response.writeHead(status).end(body)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const device = client(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    try {
      const check = await device.check(request, never).catch((error: unknown) => error);
      const metadata = await device.metadata('timestamp.json', 100, never).catch((error: unknown) => error);
      return [check, metadata];
    } finally {
      await device.close();
      server.close();
    }
  };

  it.each([401, 402, 404, 407, 410, 418, 429, 451, 500, 502, 503, 511, 302])('%i is of the path', async (status) => {
    for (const error of await ask(status, '<html>'))
      if (error !== undefined) expect(error).toMatchObject({ fault: 'path' });
  });

  it('407 is of a proxy, for check and metadata', async () => {
    expect(await ask(407, '')).toMatchObject([{ code: 'proxy-refused' }, { code: 'proxy-refused' }]);
  });

  it('is believed no code that puts the blame on the release or the device', async () => {
    for (const code of Object.keys(errorCodes)) {
      for (const error of await ask(409, JSON.stringify({ code, message: 'm' })))
        expect(error, code).toMatchObject({ fault: 'path' });
    }
  });

  it('200 with a page is of the path', async () => {
    const [check] = await ask(200, '<html>log in</html>');
    expect(check).toMatchObject({ code: 'server-answer-invalid', fault: 'path' });
  });
});

describeUnless(missingCommands('openssl'), 'a server with a certificate', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'certificates-'));
  const at = (name: string) => path.join(folder, name);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' });

  beforeAll(() => {
    openssl(
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-days',
      '9',
      '-subj',
      '/CN=ca',
      '-keyout',
      'ca.key',
      '-out',
      'ca.crt',
    );
    const certificates = [
      ['good', 'IP:127.0.0.1', '20200101000000Z', '20400101000000Z'],
      ['other', 'DNS:elsewhere.example', '20200101000000Z', '20400101000000Z'],
      ['expired', 'IP:127.0.0.1', '20200101000000Z', '20210101000000Z'],
      ['future', 'IP:127.0.0.1', '20390101000000Z', '20400101000000Z'],
    ] as const;
    for (const [name, subject, from, to] of certificates) {
      openssl(
        'req',
        '-newkey',
        'rsa:2048',
        '-nodes',
        '-subj',
        `/CN=${name}`,
        '-keyout',
        `${name}.key`,
        '-out',
        `${name}.csr`,
      );
      writeFileSync(
        at(`${name}.cnf`),
        `[ca]\ndefault_ca=d\n[d]\nnew_certs_dir=.\ndatabase=${name}.db\nserial=${name}.serial\ndefault_md=sha256\npolicy=p\nx509_extensions=e\n[p]\ncommonName=supplied\n[e]\nsubjectAltName=${subject}\n`,
      );
      writeFileSync(at(`${name}.db`), '');
      writeFileSync(at(`${name}.serial`), '01');
      const dates = ['-startdate', from, '-enddate', to];
      openssl(
        'ca',
        '-batch',
        '-config',
        `${name}.cnf`,
        '-cert',
        'ca.crt',
        '-keyfile',
        'ca.key',
        '-in',
        `${name}.csr`,
        '-out',
        `${name}.crt`,
        '-notext',
        ...dates,
      );
    }
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  async function askOver(certificate: string, caFile?: string, environment: Environment = {}): Promise<unknown> {
    const files = { cert: readFileSync(at(`${certificate}.crt`)), key: readFileSync(at(`${certificate}.key`)) };
    const server = createServer(files, (_, response) => response.end('{}')).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const device = client(`https://127.0.0.1:${(server.address() as AddressInfo).port}`, caFile, environment);
    try {
      return await device.check(request, never).catch((error: unknown) => error);
    } finally {
      await device.close();
      server.close();
    }
  }

  it.each([
    ['that has expired', 'expired', true, byClock],
    ['that is not valid yet', 'future', true, byClock],
    ['of another name', 'other', true, byName],
    ['of an issuer that it does not know', 'good', false, byCa],
  ])('%s fails TLS', async (_, certificate, isTrusted, hint) => {
    const error = await askOver(certificate, isTrusted ? at('ca.crt') : undefined);
    expect(error).toMatchObject({ code: 'tls-failed', hint: expect.stringMatching(hint) });
  });

  it('is believed by the bundle of the system, by NODE_EXTRA_CA_CERTS and besides a caFile of another', async () => {
    const strange = at('stranger.crt');
    openssl(
      ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=x', '-keyout', 'x.key', '-out', strange],
    );
    for (const name of ['SSL_CERT_FILE', 'NODE_EXTRA_CA_CERTS']) {
      const environment = { SSL_CERT_FILE: strange, [name]: at('ca.crt') };
      for (const caFile of [undefined, strange]) {
        expect(await askOver('good', caFile, environment)).toMatchObject({ code: 'server-answer-invalid' });
      }
    }
  });

  it('is not asked for with a caFile that holds none, or a damaged one', () => {
    expect(() => client('https://x', at('ca.key'))).toThrow(expect.objectContaining({ code: 'certificate-invalid' }));
    writeFileSync(at('damaged.crt'), String(readFileSync(at('ca.crt'))).replace('MII', 'AAA'));
    expect(() => client('https://x', at('damaged.crt'))).toThrow(
      expect.objectContaining({ code: 'certificate-invalid', hint: expect.stringMatching(byCa) }),
    );
    expect(() => client('https://x', at('none'))).toThrow(expect.objectContaining({ code: 'document-unreadable' }));
  });

  it('that fits is asked, and one that speaks no TLS fails it', async () => {
    expect(await askOver('good', at('ca.crt'))).toMatchObject({ code: 'server-answer-invalid' });
    const plain = createPlain((_, response) => response.end()).listen(0, '127.0.0.1');
    await once(plain, 'listening');
    const device = client(`https://127.0.0.1:${(plain.address() as AddressInfo).port}`);
    await expect(device.check(request, never)).rejects.toMatchObject({ code: 'tls-failed' });
    await device.close();
    plain.close();
  });
});
