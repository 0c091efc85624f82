/** What programs do about a store that misbehaves: they end with a code, in time, and in little memory. */
import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { beforeAll, describe, expect, it } from 'vitest';
import { objectStream } from '../../../system/store/object-stream.ts';
import { s3Writer } from '../../../system/store/s3-writer.ts';
import type { StoreWriter } from '../../../system/store/writer.ts';
import { BadService, type Behaviour } from './bad-service.ts';

const patience = { connectMs: 500, idleMs: 150, attempts: 2 };
const mebibyte = 1024 * 1024;
/** Far more than the caps; it ends, so that whoever takes all of it fails by its answer, not by its memory. */
const flood = 200 * mebibyte;
/** What the systems on both ends of a connection take ahead, beside what was allowed. */
const ahead = 24 * mebibyte;
const key = 'metadata/timestamp.json';

beforeAll(() => {
  process.env.AWS_ACCESS_KEY_ID = 'a';
  process.env.AWS_SECRET_ACCESS_KEY = 'b';
});

function storeAt({ endpoint }: BadService): StoreWriter {
  return s3Writer({ bucket: 'releases', prefix: '', endpoint, region: 'us-east-1', patience });
}

function sourceOf(bytes: Buffer) {
  const open = () => Readable.from([bytes], { objectMode: false });
  return { length: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex'), open };
}

const small = sourceOf(randomBytes(100));
const large = sourceOf(randomBytes(17 * mebibyte));

/** Everything that a store is asked. */
const questions: Readonly<Record<string, (store: StoreWriter) => Promise<unknown>>> = {
  stat: (store) => store.stat(key),
  readWhole: (store) => store.readWhole(key, 1000),
  open: async (store) => (await store.open(key, undefined))?.read(Buffer.alloc(10)),
  stream: async (store) => buffer(await objectStream(store, key)),
  holds: (store) => store.holds(key, small),
  putNew: (store) => store.putNew(key, Buffer.from('new')),
  compareAndSwap: (store) => store.compareAndSwap(key, 'etag', Buffer.from('new')),
  'putBlob, small': (store) => store.putBlob('blobs/small', small),
  'putBlob, in parts': (store) => store.putBlob('blobs/large', large),
};

const status =
  (code: number): Behaviour =>
  (_request, response) =>
    response.writeHead(code).end();

const behaviours: readonly (readonly [string, Behaviour, string])[] = [
  ['accepts and never answers', () => undefined, 'store-unreachable'],
  ['answers 401', status(401), 'store-forbidden'],
  ['answers 403', status(403), 'store-forbidden'],
  ['answers 407', status(407), 'proxy-refused'],
  ['answers 500', status(500), 'store-unreachable'],
  ['answers 503', status(503), 'store-unreachable'],
  ['answers 429', status(429), 'store-unreachable'],
  ['resets the connection', (request) => void request.socket.resetAndDestroy(), 'store-unreachable'],
  ['sends no HTTP', (request) => void request.socket.end('SSH-2.0-OpenSSH\r\n'), 'store-unreachable'],
];

describe.each(behaviours)('a store that %s', (_name, behave, code) => {
  it.each(Object.entries(questions))('ends with a code when it is asked: %s', async (_question, ask) => {
    await using service = await BadService.open(behave);
    const store = storeAt(service);
    await expect(ask(store)).rejects.toMatchObject({ code, hint: expect.any(String) });
    expect(service.asked).toBeGreaterThan(0);
    await store.close();
  });
});

describe('a store that does not end', () => {
  it('is not read on beyond what was allowed of a small object', async () => {
    await using service = await BadService.open((_request, response, self) => self.pour(response, flood));
    const store = storeAt(service);
    await expect(store.readWhole(key, mebibyte)).rejects.toMatchObject({ code: 'metadata-too-large' });
    await store.close();
    expect(service.sent).toBeLessThan(ahead);
  });

  for (const code of [200, 403, 500]) {
    it.each(
      Object.entries(questions).filter(([question]) => code !== 200 || /put|compare/.test(question)),
    )(`is not read to the end of an answer ${code}: %s`, async (_question, ask) => {
      await using service = await BadService.open((request, response, self) => {
        response.writeHead(code);
        if (request.method === 'HEAD') response.end();
        else self.pour(response, flood);
      });
      const store = storeAt(service);
      // Whether a write that was answered so is believed is not the point here.
      await ask(store).catch((error: unknown) => expect(error).toMatchObject({ code: /^(store|metadata)-/ }));
      await store.close();
      expect(service.sent / Math.max(1, service.asked)).toBeLessThan(ahead);
    });
  }
});

describe('a store that stops in the middle', () => {
  const cases: readonly (readonly [string, (response: Parameters<Behaviour>[1]) => void])[] = [
    ['falls silent', () => undefined],
    ['resets', (response) => void response.socket?.resetAndDestroy()],
    ['ends too early', (response) => void response.socket?.end()],
  ];
  it.each(cases)('of a small object and %s ends with a code', async (_name, stop) => {
    await using service = await BadService.open((_request, response) => {
      response.writeHead(200, { 'content-length': 100 }).write('half', () => stop(response));
    });
    const store = storeAt(service);
    await expect(store.readWhole(key, 1000)).rejects.toMatchObject({ code: 'store-unreachable' });
    await store.close();
  });

  it.each(
    cases,
  )('of a blob and %s is asked for the rest, and ends with a code where none comes', async (_name, stop) => {
    const whole = randomBytes(1000);
    const ranges: (string | undefined)[] = [];
    const behave =
      (last: number): Behaviour =>
      (request, response) => {
        ranges.push(request.headers.range);
        const first = Number(/=(\d+)-/.exec(request.headers.range ?? '')?.[1]);
        response.writeHead(206, {
          'content-range': `bytes ${first}-999/1000`,
          'content-length': 1000 - first,
        });
        const until = first >= last ? (last === 1000 ? 1000 : first) : first + 400;
        response.write(whole.subarray(first, Math.min(until, 1000)), () => {
          if (until < 1000) stop(response);
          else response.end();
        });
        response.flushHeaders();
      };
    await using mending = await BadService.open(behave(1000));
    const store = storeAt(mending);
    expect((await buffer(await objectStream(store, key))).equals(whole)).toBe(true);
    expect(ranges).toEqual(['bytes=0-1048575', 'bytes=400-999', 'bytes=800-999']);
    await store.close();

    await using broken = await BadService.open(behave(400));
    const other = storeAt(broken);
    await expect(objectStream(other, key).then(buffer)).rejects.toMatchObject({ code: 'store-unreachable' });
    await other.close();
  });

  it('of a blob lets its user go at once who leaves', async () => {
    await using service = await BadService.open((_request, response) => {
      response.writeHead(206, { 'content-range': 'bytes 0-999/1000', 'content-length': 1000 }).write('half');
    });
    const store = s3Writer({
      ...{ bucket: 'releases', prefix: '', endpoint: service.endpoint, region: 'us-east-1' },
      patience: { ...patience, idleMs: 60_000 },
    });
    const stream = await objectStream(store, key);
    for await (const _ of stream) break;
    expect(stream.destroyed).toBe(true);
    await store.close();
  });
});
