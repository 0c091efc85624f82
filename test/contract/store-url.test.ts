import { describe, expect, it } from 'vitest';
import { parseStoreUrl } from '../../contract/store-url.ts';

describe('the URL of a store', () => {
  it.each([
    ['file:///srv/slipway', { kind: 'directory', folder: '/srv/slipway' }],
    ['file:///srv/with%20space/', { kind: 'directory', folder: '/srv/with space' }],
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
    '/srv/slipway',
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
