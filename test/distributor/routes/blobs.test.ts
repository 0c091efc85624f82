import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Digest, sha256 } from '../../../contract/digest.ts';
import { SlipwayError } from '../../../contract/errors.ts';
import { directoryReader } from '../../../system/store/directory-reader.ts';
import type { StoreReader } from '../../../system/store/reader.ts';
import { SmallFleet } from '../../fakes/small-fleet.ts';

const content = Buffer.from(Array.from({ length: 1000 }, (_, i) => i % 251));
const part = (first: number, last: number) => content.subarray(first, last + 1);

describe('a blob over HTTP', () => {
  let small: SmallFleet;
  let digest: Digest;
  let base: string;
  beforeAll(async () => {
    small = await SmallFleet.open();
    digest = await small.putBlob(content);
    base = await small.app.listen({ host: '127.0.0.1', port: 0 });
  });
  afterAll(() => small[Symbol.asyncDispose]());

  const get = async (headers: Record<string, string>, method = 'GET') => {
    const answer = await fetch(`${base}/v1/blobs/sha256/${digest}`, { method, headers });
    return { answer, body: Buffer.from(await answer.arrayBuffer()) };
  };
  const tag = () => `"${digest}"`;

  const matrix: readonly (readonly [
    string,
    () => Record<string, string>,
    number,
    Buffer | undefined,
    string | null,
  ])[] = [
    ['no conditions', () => ({}), 200, content, null],
    ['the first byte', () => ({ range: 'bytes=0-0' }), 206, part(0, 0), 'bytes 0-0/1000'],
    ['the middle', () => ({ range: 'bytes=100-199' }), 206, part(100, 199), 'bytes 100-199/1000'],
    ['an open end', () => ({ range: 'bytes=900-' }), 206, part(900, 999), 'bytes 900-999/1000'],
    ['past the end', () => ({ range: 'bytes=990-2000' }), 206, part(990, 999), 'bytes 990-999/1000'],
    ['a suffix', () => ({ range: 'bytes=-10' }), 206, part(990, 999), 'bytes 990-999/1000'],
    ['all as a range', () => ({ range: 'bytes=0-999' }), 206, content, 'bytes 0-999/1000'],
    ['several ranges', () => ({ range: 'bytes=0-1,5-6' }), 200, content, null],
    ['another unit', () => ({ range: 'lines=0-1' }), 200, content, null],
    ['outside', () => ({ range: 'bytes=1000-' }), 416, undefined, 'bytes */1000'],
    ['If-Range that holds', () => ({ range: 'bytes=5-9', 'if-range': tag() }), 206, part(5, 9), 'bytes 5-9/1000'],
    ['If-Range of another', () => ({ range: 'bytes=5-9', 'if-range': '"other"' }), 200, content, null],
    ['If-None-Match', () => ({ 'if-none-match': tag() }), 304, Buffer.alloc(0), null],
    ['If-None-Match and a range', () => ({ 'if-none-match': tag(), range: 'bytes=0-1' }), 304, Buffer.alloc(0), null],
    ['If-Match that holds', () => ({ 'if-match': tag() }), 200, content, null],
    ['If-Match of another', () => ({ 'if-match': '"other"' }), 412, undefined, null],
  ];

  it.each(matrix)('GET with %s', async (_name, headers, status, expected, contentRange) => {
    const { answer, body } = await get(headers());
    expect(answer.status).toBe(status);
    expect(answer.headers.get('content-range')).toBe(contentRange);
    expect(answer.headers.get('content-encoding')).toBeNull();
    if (expected) expect(body.equals(expected)).toBe(true);
    if (status < 400) {
      expect(answer.headers.get('etag')).toBe(tag());
      expect(answer.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    } else {
      expect(answer.headers.get('cache-control')).toBe('no-store');
      expect(JSON.parse(body.toString()).code).toBe(status === 416 ? 'range-invalid' : 'precondition-failed');
    }
    if (status === 200 || status === 206) {
      expect(answer.headers.get('accept-ranges')).toBe('bytes');
      expect(answer.headers.get('content-length')).toBe(String(body.length));
    }
  });

  it('HEAD tells the length of the whole and ignores ranges', async () => {
    const { answer, body } = await get({ range: 'bytes=0-9' }, 'HEAD');
    expect([answer.status, answer.headers.get('content-length'), body.length]).toEqual([200, '1000', 0]);
    expect(answer.headers.get('accept-ranges')).toBe('bytes');
  });

  it('is not compressed for a client that would like it', async () => {
    const { answer } = await get({ 'accept-encoding': 'gzip, br, zstd' });
    expect(answer.headers.get('content-encoding')).toBeNull();
  });

  it('of no bytes is served whole and has no ranges', async () => {
    const empty = await small.putBlob(Buffer.alloc(0));
    const url = `${base}/v1/blobs/sha256/${empty}`;
    const whole = await fetch(url);
    expect([whole.status, whole.headers.get('content-length')]).toEqual([200, '0']);
    expect((await fetch(url, { headers: { range: 'bytes=0-' } })).status).toBe(416);
  });

  it('that is not there, or is no digest, has its code', async () => {
    const missing = await small.ask('GET', `/v1/blobs/sha256/${sha256(Buffer.from('nothing'))}`);
    expect([missing.statusCode, missing.json().code]).toEqual([404, 'blob-missing']);
    for (const name of ['abc', '..%2f..%2fstate%2ffleet.sqlite', digest.toUpperCase()]) {
      const odd = await small.ask('GET', `/v1/blobs/sha256/${name}`);
      expect([odd.statusCode, odd.json().code]).toEqual([400, 'usage']);
    }
  });
});

/** A store with blobs that never end, and what became of each that was opened. */
function endlessStore(folder: string, opened: { closed: boolean }[] = []): StoreReader {
  return {
    ...directoryReader(folder),
    stat: async () => ({ length: 2 ** 40 }),
    open: async () => {
      const state = { closed: false };
      opened.push(state);
      return {
        length: 2 ** 40,
        read: async (into) => into.length,
        close: () => {
          state.closed = true;
        },
      };
    },
  };
}

const anyBlob = `/v1/blobs/sha256/${'a'.repeat(64)}`;

/** A client that took the first bytes of a blob, and takes no more. */
async function slowReader(base: string) {
  const leaving = new AbortController();
  const answer = await fetch(base + anyBlob, { signal: leaving.signal });
  const body = answer.body?.getReader();
  await body?.read();
  return { leave: () => leaving.abort() };
}

describe('a client that goes away', () => {
  it('ends the read from the store, and is no failure in the log', async () => {
    const opened: { closed: boolean }[] = [];
    const log: Record<string, unknown>[] = [];
    await using small = await SmallFleet.open({ log, store: (folder) => endlessStore(folder, opened) });
    const base = await small.app.listen({ host: '127.0.0.1', port: 0 });
    const reader = await slowReader(base);
    expect(opened).toEqual([{ closed: false }]);
    reader.leave();
    await expect.poll(() => log).toMatchObject([{ level: 30, msg: 'answered', url: anyBlob, left: true }]);
    expect(opened).toEqual([{ closed: true }]);
    expect(await (await fetch(`${base}/metrics`)).text()).toContain('slipway_downloads 0');
  });

  it('while the store is still asked, is no failure of the store in the log', async () => {
    const log: Record<string, unknown>[] = [];
    const asked = Promise.withResolvers<void>();
    await using small = await SmallFleet.open({
      log,
      store: (folder) => ({
        ...endlessStore(folder),
        open: (_key, _range, signal) =>
          new Promise((_, reject) => {
            signal?.addEventListener('abort', () => reject(new SlipwayError('store-unreachable', 'aborted')));
            asked.resolve();
          }),
      }),
    });
    const base = await small.app.listen({ host: '127.0.0.1', port: 0 });
    const leaving = new AbortController();
    const answer = fetch(base + anyBlob, { signal: leaving.signal });
    await asked.promise;
    leaving.abort();
    await expect(answer).rejects.toThrow();
    await expect.poll(() => log).toMatchObject([{ level: 30, msg: 'answered', left: true }]);
    expect(log[0]).not.toHaveProperty('code');
  });
});

describe('as many downloads as the server sends at once', () => {
  it('leave room for everything else, and the next is told at once when to come again', async () => {
    await using small = await SmallFleet.open({ maxDownloads: 2, store: (folder) => endlessStore(folder) });
    const base = await small.app.listen({ host: '127.0.0.1', port: 0 });
    const ready = async () => {
      const answer = await fetch(`${base}/readyz`);
      return [answer.status, ((await answer.json()) as { downloads: string }).downloads];
    };
    const first = await slowReader(base);
    expect(await ready()).toEqual([200, 'ok']);
    const second = await slowReader(base);
    const refused = await fetch(base + anyBlob);
    expect([refused.status, refused.headers.get('retry-after'), refused.headers.get('etag')]).toEqual([
      503,
      '30',
      null,
    ]);
    expect(await refused.json()).toMatchObject({ code: 'overloaded' });
    expect(await ready()).toEqual([503, 'full']);
    expect((await fetch(base + anyBlob, { method: 'HEAD' })).status).toBe(200);
    expect((await fetch(`${base}/v1/metadata/timestamp.json`)).status).toBe(200);
    expect(await (await fetch(`${base}/metrics`)).text()).toContain('slipway_downloads 2');
    first.leave();
    await expect.poll(ready).toEqual([200, 'ok']);
    const third = await slowReader(base);
    for (const reader of [second, third]) reader.leave();
  });
});

describe('a store that fails', () => {
  it.each([
    ['store-unreachable', 503],
    ['store-forbidden', 502],
    ['bucket-missing', 502],
  ] as const)('with %s is answered %i, with its code', async (code, status) => {
    await using small = await SmallFleet.open({
      store: (folder) => ({
        ...directoryReader(folder),
        stat: async () => {
          throw new SlipwayError(code, 'the store is away');
        },
      }),
    });
    const answer = await small.ask('GET', `/v1/blobs/sha256/${'a'.repeat(64)}`);
    expect([answer.statusCode, answer.json().code]).toEqual([status, code]);
    expect(answer.headers['retry-after']).toBe(status === 503 ? '30' : undefined);
  });
});

describe('a store that fails while a blob is sent', () => {
  /** Of three pieces, of which it gives so many. */
  const failing = (given: number) => (folder: string) => ({
    ...endlessStore(folder),
    stat: async () => ({ length: 3000 }),
    open: async () => {
      let pieces = 0;
      return {
        length: 3000,
        read: async () => {
          if (pieces++ === given) throw new SlipwayError('store-unreachable', 'the store is away');
          return 1000;
        },
        close: () => undefined,
      };
    },
  });

  it('is answered with its code where nothing was sent yet', async () => {
    await using small = await SmallFleet.open({ store: failing(0) });
    const answer = await small.ask('GET', anyBlob);
    expect([answer.statusCode, answer.json().code]).toEqual([503, 'store-unreachable']);
    expect(answer.headers['content-length']).not.toBe('3000');
  });

  it('breaks the connection where bytes were sent, and is one failure in the log', async () => {
    const log: Record<string, unknown>[] = [];
    await using small = await SmallFleet.open({ log, store: failing(2) });
    const base = await small.app.listen({ host: '127.0.0.1', port: 0 });
    const answer = await fetch(base + anyBlob);
    expect([answer.status, answer.headers.get('content-length')]).toEqual([200, '3000']);
    await expect(answer.arrayBuffer()).rejects.toThrow();
    await expect.poll(() => log).toMatchObject([{ level: 50, code: 'store-unreachable', status: 200 }]);
  });
});

describe('requests one after the other on a connection, sent without waiting', () => {
  it('are answered in turn, and a client that leaves ends them all', async () => {
    const opened: { closed: boolean }[] = [];
    await using small = await SmallFleet.open({ store: (folder) => endlessStore(folder, opened) });
    const base = await small.app.listen({ host: '127.0.0.1', port: 0 });
    const socket = connect(Number(new URL(base).port), '127.0.0.1');
    socket.write(`GET ${anyBlob} HTTP/1.1\r\nhost: a\r\n\r\n`.repeat(3));
    await expect.poll(() => opened.length).toBe(3);
    socket.destroy();
    await expect.poll(() => opened.every(({ closed }) => closed)).toBe(true);
    expect(await (await fetch(`${base}/metrics`)).text()).toContain('slipway_downloads 0');
  });
});

describe('blobs by redirection', () => {
  it('send the client to a presigned URL that is not cached', async () => {
    await using small = await SmallFleet.open({
      policy: { redirectBlobs: true },
      store: (folder) => ({
        ...directoryReader(folder),
        presign: async (key, method, seconds) => `https://store.example/${key}?${method}&${seconds}`,
      }),
    });
    const digest = await small.putBlob(content);
    const answer = await small.ask('GET', `/v1/blobs/sha256/${digest}`);
    expect([answer.statusCode, answer.headers.location]).toEqual([
      307,
      `https://store.example/blobs/sha256/${digest.slice(0, 2)}/${digest}?GET&900`,
    ]);
    expect(answer.headers['cache-control']).toBe('no-store');
  });

  it('are streamed where the store has no URLs', async () => {
    await using small = await SmallFleet.open({ policy: { redirectBlobs: true } });
    const digest = await small.putBlob(content);
    expect((await small.ask('GET', `/v1/blobs/sha256/${digest}`)).rawPayload.equals(content)).toBe(true);
  });
});
