/** Slow readers of blobs in a real S3 service: more of them than a pool of connections to it usually has. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { sha256 } from '../../contract/digest.ts';
import { blobKey } from '../../contract/store-keys.ts';
import { type Served, serve } from '../fakes/served.ts';
import { describeUnless } from '../services/requirement.ts';
import { freshBucket, s3Client, s3Service } from '../services/s3.ts';

const s3 = s3Service();
const maxDownloads = 260;
const patience = { timeout: 50_000, interval: 200 };
/** More than what the system takes ahead for a reader, on both connections. */
const content = randomBytes(8 * 1024 * 1024);
const blob = `/v1/blobs/sha256/${sha256(content)}`;
const small = randomBytes(1000);

describeUnless('unavailable' in s3 ? s3.unavailable : undefined, `${maxDownloads} slow readers of blobs in S3`, () => {
  if ('unavailable' in s3) return;
  const service = s3;
  let folder: string;
  let served: Served;
  let readers: Socket[] = [];
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'slow-readers-'));
    const bucket = await freshBucket(service);
    const client = s3Client(service);
    for (const bytes of [content, small]) {
      await client.send(new PutObjectCommand({ Bucket: bucket, Key: blobKey(sha256(bytes)), Body: bytes }));
    }
    client.destroy();
    process.env.AWS_ACCESS_KEY_ID = service.owner.accessKeyId;
    process.env.AWS_SECRET_ACCESS_KEY = service.owner.secretAccessKey;
    process.env.AWS_ENDPOINT_URL_S3 = service.endpoint;
    process.env.AWS_REGION = service.region;
    const more = ['--store', `s3://${bucket}`, '--max-downloads', String(maxDownloads), '--log-level', 'silent'];
    served = await serve(folder, 0, ...more);
  });
  afterAll(async () => {
    for (const reader of readers) reader.destroy();
    served?.process.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  });

  /** One that asks and takes nothing of the answer. */
  function slowReader(): void {
    const socket = connect(served.port, '127.0.0.1').on('error', () => undefined);
    readers.push(socket.pause());
    socket.write(`GET ${blob} HTTP/1.1\r\nhost: a\r\n\r\n`);
  }

  async function underWay(): Promise<number> {
    const metrics = await (await fetch(`${served.url}/metrics`)).text();
    return Number(/^slipway_downloads (\d+)$/m.exec(metrics)?.[1]);
  }

  async function downloads(): Promise<string | undefined> {
    const answer = await fetch(`${served.url}/readyz`);
    return ((await answer.json()) as { downloads: string }).downloads;
  }

  it('hold up nobody else up to the bound, and beyond it the answer is 503 at once', async () => {
    while (readers.length < maxDownloads - 1) {
      // Few at a time: it is the crowd that is there that counts, not how it comes.
      for (let i = 0; i < 7; i++) slowReader();
      await expect.poll(underWay, patience).toBe(readers.length);
    }
    expect(readers).toHaveLength(maxDownloads - 1);
    const other = await fetch(`${served.url}/v1/blobs/sha256/${sha256(small)}`);
    expect([other.status, Buffer.from(await other.arrayBuffer()).equals(small)]).toEqual([200, true]);
    expect((await fetch(served.url + blob, { method: 'HEAD' })).status).toBe(200);
    // It asks the store, which has none.
    expect((await fetch(`${served.url}/v1/metadata/timestamp.json`)).status).toBe(404);
    await expect.poll(downloads, patience).toBe('ok');

    slowReader();
    await expect.poll(downloads, patience).toBe('full');
    const refused = await fetch(served.url + blob);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '30']);
    expect((await fetch(served.url + blob, { method: 'HEAD' })).status).toBe(200);
    expect((await fetch(`${served.url}/v1/metadata/timestamp.json`)).status).toBe(404);

    for (const reader of readers) reader.destroy();
    readers = [];
    await expect.poll(downloads, patience).toBe('ok');
    const whole = await fetch(served.url + blob);
    expect(Buffer.from(await whole.arrayBuffer()).equals(content)).toBe(true);
  }, 150_000);
});
