import { describe, expect, it } from 'vitest';
import { parseRange, select } from '../../../distributor/http/conditional.ts';

const etag = '"abc"';
const absent = { ifMatch: undefined, ifNoneMatch: undefined, ifRange: undefined, range: undefined };

describe('a range of 100 bytes', () => {
  it.each([
    ['bytes=0-0', { first: 0, last: 0 }],
    ['bytes=0-99', { first: 0, last: 99 }],
    ['bytes=10-', { first: 10, last: 99 }],
    ['bytes=99-', { first: 99, last: 99 }],
    ['bytes=0-1000', { first: 0, last: 99 }],
    ['bytes=-1', { first: 99, last: 99 }],
    ['bytes=-1000', { first: 0, last: 99 }],
    ['BYTES=1-2', { first: 1, last: 2 }],
    ['bytes=100-', 'unsatisfiable'],
    ['bytes=100-200', 'unsatisfiable'],
    ['bytes=-0', 'unsatisfiable'],
    ['bytes=99999999999999999999-', 'unsatisfiable'],
    ['bytes=5-4', 'ignored'],
    ['bytes=0-1,5-6', 'ignored'],
    ['bytes=-', 'ignored'],
    ['bytes=a-b', 'ignored'],
    ['items=0-1', 'ignored'],
    ['', 'ignored'],
  ] as const)('"%s" means %o', (field, expected) => {
    expect(parseRange(field, 100)).toEqual(expected);
  });

  it('cannot be satisfied where there are no bytes', () => {
    expect(parseRange('bytes=0-', 0)).toBe('unsatisfiable');
    expect(parseRange('bytes=-5', 0)).toBe('unsatisfiable');
  });
});

describe('preconditions', () => {
  it.each([
    ['nothing asked', {}, 200],
    ['If-Match that matches', { ifMatch: etag }, 200],
    ['If-Match of anything', { ifMatch: '*' }, 200],
    ['If-Match in a list', { ifMatch: '"x", "abc"' }, 200],
    ['If-Match of another', { ifMatch: '"x"' }, 412],
    ['If-Match of a weak tag', { ifMatch: 'W/"abc"' }, 412],
    ['If-None-Match that matches', { ifNoneMatch: etag }, 304],
    ['If-None-Match of a weak tag', { ifNoneMatch: 'W/"abc"' }, 304],
    ['If-None-Match of anything', { ifNoneMatch: '*' }, 304],
    ['If-None-Match of another', { ifNoneMatch: '"x"' }, 200],
    ['If-Match before If-None-Match', { ifMatch: '"x"', ifNoneMatch: etag }, 412],
    ['If-None-Match before Range', { ifNoneMatch: etag, range: 'bytes=0-1' }, 304],
    ['a range', { range: 'bytes=0-1' }, 206],
    ['a range outside', { range: 'bytes=100-' }, 416],
    ['several ranges', { range: 'bytes=0-1,3-4' }, 200],
    ['a range if the content is the same', { range: 'bytes=0-1', ifRange: etag }, 206],
    ['a range if the content is another', { range: 'bytes=0-1', ifRange: '"x"' }, 200],
    ['a range if a weak tag', { range: 'bytes=0-1', ifRange: 'W/"abc"' }, 200],
    ['a range if unchanged since', { range: 'bytes=0-1', ifRange: 'Mon, 23 Nov 2026 02:00:00 GMT' }, 200],
    ['a range outside if the content is another', { range: 'bytes=100-', ifRange: '"x"' }, 200],
  ] as const)('%s: %o gives %i', (_name, conditions, status) => {
    expect(select({ ...absent, method: 'GET', ...conditions }, { etag, length: 100 }).status).toBe(status);
  });

  it('gives HEAD no ranges', () => {
    expect(select({ ...absent, method: 'HEAD', range: 'bytes=0-1' }, { etag, length: 100 })).toEqual({ status: 200 });
  });
});
