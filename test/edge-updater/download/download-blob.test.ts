/** Downloads over a real loopback server that misbehaves in every way a network and a mirror can. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sha256 } from '../../../contract/digest.ts';
import { limits } from '../../../contract/limits.ts';
import type { Blob } from '../../../contract/release/manifest.ts';
import { DownloadDirectory } from '../../../edge-updater/adapters/disk/download-directory.ts';
import { HttpServer } from '../../../edge-updater/adapters/network/http-server.ts';
import { type DownloadPolicy, downloadBlob } from '../../../edge-updater/download/download-blob.ts';
import type { BlobSource } from '../../../edge-updater/ports.ts';
import { bytesOf, EdgeDevice, never } from '../../fakes/edge-device.ts';
import { FaultyLink } from '../../fakes/faulty-link.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

const content = bytesOf('blob', 200_000);
const blob: Blob = { encoding: 'identity', length: content.length, sha256: sha256(content) };
const page = Buffer.from('<html><body>Please log in to use this network.</body></html>');
const etag = `"${blob.sha256}"`;
const policy: DownloadPolicy = {
  backoff: { baseSeconds: 1, capSeconds: 4 },
  maxAttemptsWithoutProgress: 4,
  durableStepBytes: 10_000,
  leastRate: { bytesPerSecond: 1024, windowSeconds: 120 },
};

type Handler = (request: IncomingMessage, response: ServerResponse, number: number) => void;

let edge: EdgeDevice;
let server: Server;
let link: FaultyLink;
let handler: Handler;
let ranges: (string | undefined)[];
let clock: VirtualClock;

beforeEach(async () => {
  edge = new EdgeDevice();
  clock = new VirtualClock(Date.now());
  handler = serve;
  ranges = [];
  server = createServer((request, response) => {
    ranges.push(request.headers.range);
    handler(request, response, ranges.length);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  link = await FaultyLink.open((server.address() as AddressInfo).port);
});
afterEach(async () => {
  await link.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  edge.remove();
});

/** A server that does everything right. */
function serve(request: IncomingMessage, response: ServerResponse): void {
  const offset = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  const isPart = offset > 0 && request.headers['if-range'] === etag;
  const body = isPart ? content.subarray(offset) : content;
  response.writeHead(isPart ? 206 : 200, {
    etag,
    'content-length': body.length,
    ...(isPart ? { 'content-range': `bytes ${offset}-${content.length - 1}/${content.length}` } : {}),
  });
  response.end(body);
}

async function download(stallSeconds = 5) {
  const source = new HttpServer({
    ...{ server: link.url, deviceId: 'd', userAgent: 'test', caFile: undefined, developmentAllowHttp: true },
    stallSeconds,
    token: async () => 'token',
  });
  const downloads = new DownloadDirectory(edge.stateDirectory);
  downloads.begin('attempt', new Set([blob.sha256]));
  const part = downloads.openPart(blob.sha256, blob.length, 'network');
  try {
    await downloadBlob(blob, part, {
      ...{ source, clock, policy, signal: never, onBytes: () => undefined },
      onResume: () => downloads.resumed(),
    });
    return { bytesOnWire: downloads.bytesOnWire, resumedFrom: downloads.resumedFrom };
  } finally {
    part.close();
    await source.close();
  }
}

async function stored(): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of new DownloadDirectory(edge.stateDirectory).read(blob.sha256)) chunks.push(chunk);
  return sha256(Buffer.concat(chunks));
}

/** The first answer breaks after half of the blob; then `handler` takes over. */
async function halfWay(): Promise<number> {
  const half = content.length / 2;
  handler = (request, response, number) => {
    if (number > 1) return response.writeHead(404).end();
    response.writeHead(200, { etag, 'content-length': content.length });
    response.write(content.subarray(0, half), () => setTimeout(() => request.socket.destroy(), 50));
  };
  await expect(download()).rejects.toMatchObject({ code: 'blob-missing' });
  ranges = [];
  return half;
}

describe('a download', () => {
  it('of an honest server is one request', async () => {
    expect(await download()).toEqual({ bytesOnWire: content.length, resumedFrom: 0 });
    expect(ranges).toEqual([undefined]);
    expect(await stored()).toBe(blob.sha256);
  });

  it('of no bytes at all is not asked for', async () => {
    const empty = { encoding: 'identity', length: 0, sha256: sha256(new Uint8Array()) } as const;
    const downloads = new DownloadDirectory(edge.stateDirectory);
    downloads.begin('attempt', new Set([empty.sha256]));
    const part = downloads.openPart(empty.sha256, 0, 'network');
    const source = { openBlob: () => Promise.reject(new Error('asked')) };
    await downloadBlob(empty, part, {
      ...{ source, clock, policy, signal: never, onBytes: () => undefined, onResume: () => undefined },
    });
    part.close();
  });

  it.each(['cut', 'reset'] as const)('goes on at the durable byte after each %s', async (kind) => {
    for (const afterBytes of [60_000, 1_000, 70_000]) link.arm({ kind, afterBytes });
    const { bytesOnWire, resumedFrom } = await download();
    expect(await stored()).toBe(blob.sha256);
    expect(resumedFrom).toBeGreaterThan(0);
    // Nothing that was durable came again.
    expect(bytesOnWire).toBe(content.length);
    expect(ranges.slice(1).every((range) => range?.startsWith('bytes='))).toBe(true);
  });

  it('goes on after a link that stalls', async () => {
    link.arm({ kind: 'stall', afterBytes: 50_000 });
    expect((await download(1)).resumedFrom).toBeGreaterThan(0);
    expect(await stored()).toBe(blob.sha256);
  });

  it('starts once from zero when a bit flipped in a resumed file', async () => {
    link.arm({ kind: 'flip', afterBytes: 20_000 });
    link.arm({ kind: 'cut', afterBytes: 60_000 });
    const { bytesOnWire } = await download();
    expect(await stored()).toBe(blob.sha256);
    expect(bytesOnWire).toBe(2 * content.length);
  });

  it('is refused when the server itself serves other bytes', async () => {
    const other = bytesOf('other', content.length);
    handler = (_, response) => response.writeHead(200, { etag, 'content-length': other.length }).end(other);
    await expect(download()).rejects.toMatchObject({ code: 'digest-mismatch' });
    expect(ranges).toHaveLength(1);
  });

  it('survives a restart of the device with what was durable', async () => {
    const half = await halfWay();
    handler = serve;
    const { bytesOnWire, resumedFrom } = await download();
    expect(ranges).toEqual([`bytes=${half}-`]);
    expect({ bytesOnWire, resumedFrom }).toEqual({ bytesOnWire: content.length, resumedFrom: half });
  });
});

describe('a server that answers a range wrongly', () => {
  const part = (from: number, change: Record<string, string | number>) => ({
    etag,
    'content-range': `bytes ${from}-${content.length - 1}/${content.length}`,
    ...change,
  });
  const answers: [string, (half: number, response: ServerResponse) => void][] = [
    ['with 200 and the whole', (_, response) => response.writeHead(200, { etag }).end(content)],
    ['with another start', (half, r) => r.writeHead(206, part(half - 1, {})).end(content.subarray(half - 1))],
    [
      'with another total',
      (half, r) => r.writeHead(206, part(half, { 'content-range': `bytes ${half}-9/10` })).end(content.subarray(half)),
    ],
    [
      'with a larger total',
      (half, r) =>
        r
          .writeHead(206, part(half, { 'content-range': `bytes ${half}-${content.length - 1}/${content.length + 5}` }))
          .end(content.subarray(half)),
    ],
    [
      'with an unknown total',
      (half, r) =>
        r
          .writeHead(206, part(half, { 'content-range': `bytes ${half}-${content.length - 1}/*` }))
          .end(content.subarray(half)),
    ],
    ['with another ETag', (half, r) => r.writeHead(206, part(half, { etag: '"other"' })).end(content.subarray(half))],
    ['with a weak ETag', (half, r) => r.writeHead(206, part(half, { etag: `W/${etag}` })).end(content.subarray(half))],
    ['without an ETag', (half, r) => r.writeHead(206, { ...part(half, {}), etag: '' }).end(content.subarray(half))],
    ['with 416', (_, response) => response.writeHead(416, { 'content-range': 'bytes */5' }).end()],
  ];

  it.each(answers)('%s makes the download start over', async (name, answer) => {
    const half = await halfWay();
    handler = (request, response) => (request.headers.range ? answer(half, response) : serve(request, response));
    await download();
    expect(await stored()).toBe(blob.sha256);
    // The whole in the first answer is taken; everything else is asked for again, from the beginning.
    expect(ranges).toEqual(name === 'with 200 and the whole' ? [`bytes=${half}-`] : [`bytes=${half}-`, undefined]);
  });

  it('with gzip is not believed, though it would inflate to the right bytes', async () => {
    const half = await halfWay();
    handler = (_, response) =>
      response.writeHead(206, part(half, { 'content-encoding': 'gzip' })).end(gzipSync(content.subarray(half)));
    await expect(download()).rejects.toMatchObject({ code: 'download-no-progress' });
  });
});

describe('bytes that are durable', () => {
  const durable = () => new DownloadDirectory(edge.stateDirectory).durable().get(blob.sha256) ?? 0;
  const junk = Buffer.alloc(3 * content.length, 'junk');
  /** The connection breaks after `bytes` of the body. */
  const breaking = (response: ServerResponse, bytes: number, headers: Record<string, string | number>) => {
    response.writeHead(200, headers);
    response.write(content.subarray(0, bytes), () => setTimeout(() => response.destroy(), 20));
  };
  const rest = (half: number) => `bytes ${half}-${content.length - 1}/${content.length}`;
  const length = { 'content-length': content.length };

  it.each<[string, (half: number, request: IncomingMessage, response: ServerResponse) => void]>([
    ['the whole with another ETag, which breaks', (_, __, r) => breaking(r, 1000, { ...length, etag: '"other"' })],
    ['the whole without an ETag, which breaks', (_, __, r) => breaking(r, 1000, length)],
    ['the whole in chunks, which breaks', (_, __, r) => breaking(r, 80_000, {})],
    ['another length', (_, __, r) => r.writeHead(200, { 'content-length': 65 }).end(junk.subarray(0, 65))],
    ['a large page in chunks', (_, __, r) => r.writeHead(200).end(junk.subarray(0, 150_000))],
    ['more than was signed for, in chunks', (_, __, r) => r.writeHead(200, { etag: '"other"' }).end(junk)],
    ['416 to everything', (_, __, r) => r.writeHead(416).end()],
    [
      'a rest without an ETag, and a whole that breaks',
      (half, request, r) =>
        request.headers.range === undefined
          ? breaking(r, 1000, length)
          : r.writeHead(206, { 'content-range': rest(half) }).end(content.subarray(half)),
    ],
    [
      'the rest of another blob in chunks, and a whole that is a page',
      (half, request, r) =>
        request.headers.range === undefined
          ? r.writeHead(200).end(page)
          : r.writeHead(206, { 'content-range': `bytes ${half}-${half + 64}/${half + 65}` }).end(junk.subarray(0, 65)),
    ],
    [
      'a rest in chunks that is longer than it says',
      (half, _, r) => r.writeHead(206, { etag, 'content-range': rest(half) }).end(junk),
    ],
    ['a redirect in circles', (_, __, r) => r.writeHead(302, { location: '/login' }).end()],
  ])('stay through an answer of %s', async (_, answer) => {
    const half = await halfWay();
    handler = (request, response) => answer(half, request, response);
    await expect(download()).rejects.toMatchObject({ fault: 'path' });
    expect(durable()).toBe(half);
    handler = serve;
    await download();
    expect(ranges.at(-1)).toBe(`bytes=${half}-`);
    expect(await stored()).toBe(blob.sha256);
  });

  it('are gone on from where a mirror knows no ranges and its connections break', async () => {
    const half = await halfWay();
    handler = (_, response, number) =>
      number === 1 ? breaking(response, half + 50_000, length) : response.writeHead(200, length).end(content);
    const { bytesOnWire } = await download();
    expect(await stored()).toBe(blob.sha256);
    // What came again is counted.
    expect(bytesOnWire).toBe(half + half + 50_000 + content.length);
  });

  it('are dropped where the whole is there and has another digest', async () => {
    const half = await halfWay();
    handler = (request, response, number) =>
      number === 1
        ? response.writeHead(206, { etag, 'content-range': rest(half) }).end(junk.subarray(0, half))
        : serve(request, response);
    await download();
    expect(ranges).toEqual([`bytes=${half}-`, undefined]);
    expect(await stored()).toBe(blob.sha256);
  });
});

describe('a server that sends a byte now and then', () => {
  /** Bytes come one by one, each after so many seconds; each connection brings so many. */
  function trickle(secondsPerByte: number, bytesPerConnection: number): BlobSource {
    return {
      openBlob: async (_digest, { offset }) => ({
        status: offset === 0 ? 200 : 206,
        headers: {
          etag,
          'content-length': String(content.length - offset),
          'content-range': `bytes ${offset}-${content.length - 1}/${content.length}`,
        },
        body: (async function* () {
          for (const byte of content.subarray(offset, offset + bytesPerConnection)) {
            clock.advance(secondsPerByte);
            yield Uint8Array.of(byte);
          }
        })(),
        discard: () => undefined,
      }),
    };
  }

  async function downloadFrom(source: BlobSource, leastRate = policy.leastRate) {
    const downloads = new DownloadDirectory(edge.stateDirectory);
    downloads.begin('attempt', new Set([blob.sha256]));
    const part = downloads.openPart(blob.sha256, blob.length, 'network');
    const context = { source, clock, policy: { ...policy, leastRate }, signal: never, onBytes: () => undefined };
    try {
      await downloadBlob(blob, part, { ...context, onResume: () => downloads.resumed() });
    } finally {
      part.close();
    }
    return downloads.durable().get(blob.sha256);
  }

  it.each([
    ['over one connection', 1_000_000],
    ['over connections that it ends before anybody measures', 50],
  ])('%s is given up on, and what came is kept', async (_, bytesPerConnection) => {
    await expect(downloadFrom(trickle(1, bytesPerConnection))).rejects.toMatchObject({
      code: 'download-no-progress',
      message: expect.stringContaining('expected at least 1024 a second'),
    });
    const kept = new DownloadDirectory(edge.stateDirectory).durable().get(blob.sha256) ?? 0;
    expect(kept).toBeGreaterThanOrEqual(4 * 120);
    expect(clock.monotonicSeconds()).toBeLessThan(policy.maxAttemptsWithoutProgress * 200);
  });

  it('is borne with where the device is told to', async () => {
    const free = { bytesPerSecond: 0, windowSeconds: 120 };
    const source = trickle(1, 1000);
    // The rest of the blob is quick, for the sake of this test.
    const openBlob: BlobSource['openBlob'] = async (digest, from, signal) => {
      const answer = await source.openBlob(digest, from, signal);
      if (from.offset < 3000) return answer;
      return {
        ...answer,
        body: (async function* () {
          yield content.subarray(from.offset);
        })(),
      };
    };
    expect(await downloadFrom({ openBlob }, free)).toBe(content.length);
  });

  it('and then as fast as it should is stayed with', async () => {
    const body = (async function* () {
      for (let at = 0; at < content.length; at += 2000) {
        clock.advance(at < 3000 ? 115 : 1);
        yield content.subarray(at, at + 2000);
      }
    })();
    const headers = { etag, 'content-length': String(content.length) };
    const source = { openBlob: async () => ({ status: 200, headers, body, discard: () => undefined }) };
    expect(await downloadFrom(source, { bytesPerSecond: 10, windowSeconds: 120 })).toBe(content.length);
  });
});

describe('a hostile or broken server', () => {
  it('cannot fill the disk with an endless body', async () => {
    let sent = 0;
    handler = (_, response) => {
      response.writeHead(200, { etag });
      const more = () => {
        sent += content.length;
        if (!response.destroyed) response.write(content, () => setImmediate(more));
      };
      more();
    };
    await expect(download()).rejects.toMatchObject({ code: 'length-mismatch' });
    expect(sent).toBeLessThan(50 * content.length);
  });

  it('with a login page instead of the blob is given up on after the attempts without progress', async () => {
    handler = (_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>');
    await expect(download()).rejects.toMatchObject({ code: 'download-no-progress' });
    expect(ranges).toHaveLength(policy.maxAttemptsWithoutProgress);
  });

  it.each<[string, (response: ServerResponse) => void]>([
    ['with its length', (response) => response.writeHead(200, { 'content-length': page.length }).end(page)],
    ['as HTML in chunks', (response) => response.writeHead(200, { 'content-type': 'text/html' }).end(page)],
    ['without a type, in chunks', (response) => response.writeHead(200).end(page)],
    ['with an ETag, in chunks', (response) => response.writeHead(200, { etag: '"portal"' }).end(page)],
  ])('with a page of a portal %s costs no durable byte', async (_, answer) => {
    const half = await halfWay();
    handler = (_request, response) => answer(response);
    await expect(download()).rejects.toMatchObject({ code: 'download-no-progress' });
    expect(ranges).toHaveLength(policy.maxAttemptsWithoutProgress);
    expect(ranges).toEqual(ranges.map(() => `bytes=${half}-`));
    ranges = [];
    handler = serve;
    const { bytesOnWire } = await download();
    expect(ranges).toEqual([`bytes=${half}-`]);
    expect(bytesOnWire).toBe(content.length);
    expect(await stored()).toBe(blob.sha256);
  });

  it('that redirects to a login page elsewhere is asked again, and costs no durable byte', async () => {
    const half = await halfWay();
    const portal = createServer((_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end(page));
    await new Promise<void>((resolve) => portal.listen(0, '127.0.0.1', resolve));
    const location = `http://127.0.0.1:${(portal.address() as AddressInfo).port}/login`;
    handler = (request, response, number) =>
      number < 3 ? response.writeHead(302, { location }).end() : serve(request, response);
    await download();
    expect(ranges).toEqual([1, 2, 3].map(() => `bytes=${half}-`));
    portal.close();
  });

  it.each([
    [404, 'blob-missing'],
    [403, 'server-refused'],
    [407, 'proxy-refused'],
    [410, 'server-refused'],
  ])('that answers %i is not asked again', async (status, code) => {
    handler = (_, response) => response.writeHead(status).end();
    await expect(download()).rejects.toMatchObject({ code });
    expect(ranges).toHaveLength(1);
  });

  it.each([408, 425, 429, 500, 503])('that answers %i is asked again after the time it wants', async (status) => {
    handler = (request, response, number) =>
      number === 1 ? response.writeHead(status, { 'retry-after': '77' }).end() : serve(request, response);
    await download();
    expect(clock.slept).toEqual([77]);
  });

  it('cannot park a device for a day', async () => {
    handler = (request, response, number) =>
      number === 1 ? response.writeHead(503, { 'retry-after': '86400' }).end() : serve(request, response);
    await download();
    expect(clock.slept).toEqual([limits.maxRetryAfterSeconds]);
    expect(limits.maxRetryAfterSeconds).toBeLessThanOrEqual(3600);
  });

  it('gets longer and longer pauses', async () => {
    handler = (_, response) => response.writeHead(503).end();
    await expect(download()).rejects.toMatchObject({ code: 'download-no-progress' });
    expect(clock.slept).toEqual([0.5, 1, 2]);
  });

  it('that redirects elsewhere is followed without the token, and never to plain HTTP off this machine', async () => {
    const seen: (string | undefined)[] = [];
    const other = createServer((request, response) => {
      seen.push(request.headers.authorization);
      serve(request, response);
    });
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    handler = (_, response) => response.writeHead(307, { location: `http://127.0.0.1:${port}/x` }).end();
    await download();
    expect(seen).toEqual([undefined]);
    other.close();
    new DownloadDirectory(edge.stateDirectory).clear();
    handler = (_, response) => response.writeHead(307, { location: 'http://example.com/x' }).end();
    await expect(download()).rejects.toMatchObject({ code: 'transport-insecure' });
  });
});
