/** Which proxy a request goes through: tables. */
import { describe, expect, it } from 'vitest';
import { type Environment, oneProxy, parseProxyUrl, proxiesOfEnvironment } from '../../../system/network/proxy.ts';

const through = (environment: Environment, url: string) =>
  proxiesOfEnvironment(environment).proxyFor(new URL(url))?.name;
const a = 'http://a:3128';

describe('the environment', () => {
  it.each<[Environment, string, string | undefined]>([
    [{}, 'https://x.example', undefined],
    [{ HTTPS_PROXY: a }, 'https://x.example', a],
    [{ https_proxy: a }, 'https://x.example', a],
    [{ https_proxy: a, HTTPS_PROXY: 'http://b' }, 'https://x.example', a],
    [{ https_proxy: '', HTTPS_PROXY: a }, 'https://x.example', a],
    [{ HTTPS_PROXY: 'a:3128' }, 'https://x.example', a],
    [{ HTTPS_PROXY: 'https://a' }, 'https://x.example', 'https://a'],
    [{ HTTPS_PROXY: 'http://user:pass%40word@a:3128' }, 'https://x.example', a],
    [{ HTTP_PROXY: a }, 'https://x.example', undefined],
    [{ HTTP_PROXY: a }, 'http://x.example', a],
    [{ HTTPS_PROXY: a }, 'http://x.example', undefined],
    [{ ALL_PROXY: a }, 'https://x.example', a],
    [{ ALL_PROXY: 'http://b', HTTPS_PROXY: a }, 'https://x.example', a],
    [{ HTTPS_PROXY: a }, 'https://localhost:1', undefined],
    [{ HTTPS_PROXY: a }, 'https://127.0.0.9', undefined],
    [{ HTTPS_PROXY: a }, 'https://[::1]:8443', undefined],
  ])('%o leads %s through %s', (environment, url, expected) => {
    expect(through(environment, url)).toBe(expected);
  });

  it.each<[string, string, boolean]>([
    ['x.example', 'https://x.example', true],
    ['x.example', 'https://sub.x.example', true],
    ['x.example', 'https://notx.example', false],
    ['.x.example', 'https://sub.x.example', true],
    ['*.x.example', 'https://sub.x.example', true],
    ['X.Example.', 'https://x.example.', true],
    ['other, x.example', 'https://x.example', true],
    ['other x.example', 'https://x.example', true],
    ['x.example:8443', 'https://x.example', false],
    ['x.example:8443', 'https://x.example:8443', true],
    ['x.example:443', 'https://x.example', true],
    ['*', 'https://x.example', true],
    ['none.invalid,*', 'https://x.example', true],
    ['', 'https://x.example', false],
    ['.', 'https://x.example', false],
    ['10.0.0.0/8', 'https://10.200.0.1', true],
    ['10.0.0.0/8', 'https://11.0.0.1', false],
    ['192.168.1.128/25', 'https://192.168.1.127', false],
    ['192.168.1.128/25', 'https://192.168.1.129:8443', true],
    ['10.1.2.3', 'https://10.1.2.3', true],
    ['10.1.2.3:80', 'https://10.1.2.3', false],
    ['0.0.0.0/0', 'https://10.1.2.3', true],
    ['10.0.0.0/33', 'https://10.1.2.3', false],
    ['fd00::/8', 'https://[fd12::1]', true],
    ['fd00::/8', 'https://[fe80::1]', false],
    ['fd12::1', 'https://[fd12:0:0::1]', true],
    ['[fd12::1]:443', 'https://[fd12::1]', true],
    ['10.0.0.0/8', 'https://10.example', false],
  ])('NO_PROXY=%s and %s: straight %s', (noProxy, url, isStraight) => {
    for (const name of ['NO_PROXY', 'no_proxy'])
      expect(through({ HTTPS_PROXY: a, [name]: noProxy }, url)).toBe(isStraight ? undefined : a);
  });

  it.each([
    'ftp://a',
    'socks5://a',
    'http://',
    'http://u:s3cret%zz@a',
    'http://u:s3cret@a/path',
  ])('%s is refused with the name of its variable and without its value', (value) => {
    expect(() => proxiesOfEnvironment({ HTTPS_PROXY: value })).toThrow(
      expect.objectContaining({ code: 'usage', message: expect.stringMatching(/^HTTPS_PROXY (?!.*s3cret)/) }),
    );
  });
});

it('one proxy of a configuration is for both schemes, but for what it passes over', () => {
  const rule = oneProxy(parseProxyUrl('http://u:p@a:3128') as URL, ['10.0.0.0/8'], 'proxy in edge.yaml');
  expect(rule.proxyFor(new URL('http://x.example'))).toMatchObject({ name: a, from: 'proxy in edge.yaml' });
  expect(rule.proxyFor(new URL('https://x.example'))?.url.password).toBe('p');
  expect(rule.proxyFor(new URL('https://10.0.0.1'))).toBeUndefined();
});
