/** Where secrets may go in plain HTTP: one table, held by each place of the programs that decides it. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { checkTransport } from '../../../distributor/commands/options/serve-options.ts';
import { askServer } from '../../../distributor/commands/server-client.ts';
import { checkGitPlace } from '../../../distributor/reconcile/source-place.ts';
import { refuseInsecureTransport } from '../../../edge-updater/configuration.ts';
import { proxiesOfEnvironment } from '../../../system/network/proxy.ts';
import { isAskedDirectly, isLoopback, keepsSecrets } from '../../../system/network/transport.ts';

const hosts: readonly (readonly [string, boolean])[] = [
  ['localhost', true],
  ['127.0.0.1', true],
  ['127.0.0.9', true],
  ['127.255.255.255', true],
  ['[::1]', true],
  ['updates.example', false],
  ['localhost.example', false],
  ['127.0.0.1.example', false],
  ['notlocalhost', false],
  ['a.localhost', false],
  ['localhost.', false],
  ['126.255.255.255', false],
  ['128.0.0.1', false],
  ['0.0.0.0', false],
  ['10.0.0.1', false],
  ['192.168.1.1', false],
  ['169.254.169.254', false],
  ['[::]', false],
  ['[::2]', false],
  ['[::ffff:127.0.0.1]', false],
  ['[fe80::1]', false],
];

/** `undefined` where nothing is thrown. */
function codeOf(work: () => unknown): string | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    return (error as { code: string }).code;
  }
}

describe.each(hosts)('%s', (host, isNear) => {
  const expected = isNear ? undefined : 'transport-insecure';
  const url = new URL(`http://${host}:8080/path`);

  it('is loopback, or is not, with and without brackets and in capitals', () => {
    expect(isLoopback(url.hostname)).toBe(isNear);
    expect(isLoopback(host.replace(/^\[(.*)\]$/, '$1'))).toBe(isNear);
    expect(isLoopback(host.toUpperCase())).toBe(isNear);
    expect([keepsSecrets(url), keepsSecrets(new URL(`https://${host}`))]).toEqual([isNear, true]);
  });

  it('is asked with the token of a device, or is not', () => {
    expect(codeOf(() => refuseInsecureTransport(url, true))).toBe(expected);
    expect(codeOf(() => refuseInsecureTransport(url, false))).toBe('transport-insecure');
    expect(codeOf(() => refuseInsecureTransport(new URL(`https://${host}`), false))).toBeUndefined();
  });

  it('is listened on without TLS, or is not', () => {
    const listen = { host: host.replace(/^\[(.*)\]$/, '$1'), port: 0 };
    expect(codeOf(() => checkTransport({ listen, behindProxy: false }))).toBe(expected);
    expect(codeOf(() => checkTransport({ listen, behindProxy: true }))).toBeUndefined();
  });

  it('is asked with the token of an operator, or is not', async () => {
    const address = { server: url.href, tokenFile: '/nowhere/token' };
    const asked = askServer(address, { method: 'GET', path: '/' }, z.unknown());
    await expect(asked).rejects.toMatchObject({ code: expected ?? 'key-unreadable' });
  });

  it('is sent the credentials of a Git repository, or is not', () => {
    const place = { branch: 'main', path: '', pollSeconds: 30, caFile: undefined, mirrors: '/nowhere' };
    expect(codeOf(() => checkGitPlace({ ...place, url: url.href, credentialsFile: 'a' }))).toBe(expected);
    expect(codeOf(() => checkGitPlace({ ...place, url: url.href, credentialsFile: undefined }))).toBeUndefined();
  });

  it('is asked without a proxy where it is this machine', () => {
    const proxy = proxiesOfEnvironment({ HTTP_PROXY: 'http://proxy:3128' }).proxyFor(url);
    const isDirect = isNear || host === 'a.localhost' || host === 'localhost.';
    expect(proxy === undefined).toBe(isDirect);
  });
});

describe('loopback', () => {
  it('is the network 127 of all addresses, and whatever it is, no proxy stands before it', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.integer({ min: 0, max: 2 ** 24 - 1 }), (address, rest) => {
        const near = `127.${rest >> 16}.${(rest >> 8) & 255}.${rest & 255}`;
        expect(isLoopback(address)).toBe(address.startsWith('127.'));
        expect([isLoopback(near), isAskedDirectly(near)]).toEqual([true, true]);
      }),
    );
  });

  it('is no domain, no other address of version 6 and no odd spelling', () => {
    fc.assert(
      fc.property(fc.domain(), fc.ipV6(), (domain, address) => {
        expect(isLoopback(domain)).toBe(false);
        const { hostname } = new URL(`http://[${address}]`);
        expect(isLoopback(hostname)).toBe(hostname === '[::1]');
      }),
    );
    for (const odd of ['', '127.1', '127.0.0.256', '127.0.0.01', '127.0.0.1.', ' 127.0.0.1', '0x7f.0.0.1', '::1%lo']) {
      expect(isLoopback(odd), odd).toBe(false);
    }
  });
});

it('no other scheme keeps secrets', () => {
  for (const url of ['ftp://localhost', 'ws://127.0.0.1', 'file:///a']) expect(keepsSecrets(new URL(url))).toBe(false);
});
