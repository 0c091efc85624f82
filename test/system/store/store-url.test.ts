import { describe, expect, it } from 'vitest';
import { parseStoreUrl } from '../../../system/store/store-url.ts';

describe('the URL of a store', () => {
  it.each([
    ['file:///srv/slipway', { kind: 'directory', folder: '/srv/slipway' }],
    ['file:///srv/with%20space/', { kind: 'directory', folder: '/srv/with space' }],
    ['file:///srv/%C3%BC%E2%98%83%25', { kind: 'directory', folder: '/srv/ü☃%' }],
    ['file:///srv/ü ☃', { kind: 'directory', folder: '/srv/ü ☃' }],
    ['file:///srv/100%/a%2', { kind: 'directory', folder: '/srv/100%/a%2' }],
    ['/srv/slipway', { kind: 'directory', folder: '/srv/slipway' }],
    ['/srv/100%/a%20b ü?x#y/', { kind: 'directory', folder: '/srv/100%/a%20b ü?x#y' }],
    ['./store', { kind: 'directory', folder: './store' }],
    ['.', { kind: 'directory', folder: '.' }],
    ['.', { kind: 'directory', folder: '.' }],
    ['/', { kind: 'directory', folder: '/' }],
    ['s3://releases', { kind: 's3', bucket: 'releases', prefix: '' }],
    ['s3://releases/edge/eu/', { kind: 's3', bucket: 'releases', prefix: 'edge/eu/' }],
    [
      's3://releases/edge?endpoint=http://127.0.0.1:9000&region=eu-1',
      { kind: 's3', bucket: 'releases', prefix: 'edge/', endpoint: 'http://127.0.0.1:9000', region: 'eu-1' },
    ],
  ])('%s is understood', (text, location) => {
    expect(parseStoreUrl(text)).toEqual(location);
  });

  it.each([
    '',
    'store',
    '.store',
    'file:///srv/%ff',
    'file:///srv/a%00b',
    '/srv/a\0b',
    's3://releases/%ff',
    'file://srv/slipway',
    'file:///srv?x=1',
    'https://example.org/store',
    's3://',
    's3://UPPER_case/x',
    's3://releases/%2e%2e%2fother',
    's3://releases/a%00b',
    's3://id:secret@releases/edge',
    's3://releases/edge?endpiont=http://x',
    's3://releases/edge?endpoint=ftp://x',
    's3://releases/edge?endpoint=https://id:secret@x',
    's3://releases/edge?endpoint=https://x?token=secret',
  ])('%s is refused, and not repeated where it may hold a secret', (text) => {
    let thrown: unknown;
    try {
      parseStoreUrl(text);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ code: 'store-url-invalid' });
    expect(String(thrown)).not.toContain('secret');
  });
});
