import { PutObjectCommand } from '@aws-sdk/client-s3';
import { beforeAll, describe, expect, it } from 'vitest';
import { openStore } from '../../../../distributor/adapters/store/store-of-url.ts';
import { storeReaderSuite } from '../../../port-suites/store-reader.ts';
import { describeUnless } from '../../../services/requirement.ts';
import { freshBucket, type S3Credentials, s3Client, s3Service } from '../../../services/s3.ts';

const s3 = s3Service();

describeUnless('unavailable' in s3 ? s3.unavailable : undefined, 'an S3 store that is read', () => {
  if ('unavailable' in s3) return;
  const service = s3;
  const open = (url: string, { accessKeyId, secretAccessKey }: S3Credentials = service.owner) => {
    process.env.AWS_ACCESS_KEY_ID = accessKeyId;
    process.env.AWS_SECRET_ACCESS_KEY = secretAccessKey;
    return openStore(url, { AWS_ENDPOINT_URL_S3: service.endpoint, AWS_REGION: service.region });
  };
  const fill = async () => {
    const bucket = await freshBucket(service);
    const client = s3Client(service);
    const reader = await open(`s3://${bucket}/edge/releases`);
    return {
      bucket,
      reader,
      async put(key: string, bytes: Uint8Array) {
        await client.send(new PutObjectCommand({ Bucket: bucket, Key: `edge/releases/${key}`, Body: bytes }));
      },
      async dispose() {
        client.destroy();
        await reader.close();
      },
    };
  };
  storeReaderSuite('S3', fill);

  describe('a presigned URL', () => {
    let store: Awaited<ReturnType<typeof fill>>;
    beforeAll(async () => {
      store = await fill();
      await store.put('blobs/x', Buffer.from('0123456789'));
    });

    it('serves ranges to a client without credentials, for the method that it is made for', async () => {
      const url = (await store.reader.presign('blobs/x', 'GET', 60)) ?? '';
      const answer = await fetch(url, { headers: { range: 'bytes=2-4' } });
      expect([answer.status, await answer.text()]).toEqual([206, '234']);
      const head = (await store.reader.presign('blobs/x', 'HEAD', 60)) ?? '';
      expect((await fetch(head, { method: 'HEAD' })).headers.get('content-length')).toBe('10');
    });
  });

  it('says that the bucket is missing', async () => {
    const store = await open('s3://no-such-bucket-here');
    await expect(store.readWhole('metadata/timestamp.json', 10)).rejects.toMatchObject({ code: 'bucket-missing' });
  });

  it('says that the credentials may not read, without showing them', async () => {
    const { bucket } = await fill();
    for (const credentials of [service.stranger, { ...service.owner, secretAccessKey: 'wrong' }]) {
      const store = await open(`s3://${bucket}`, credentials);
      for (const read of [() => store.readWhole('a', 10), () => store.stat('a'), () => store.open('a', undefined)]) {
        const error: Error = await read().then(
          () => new Error('it was read'),
          (thrown) => thrown,
        );
        expect(error).toMatchObject({ code: 'store-forbidden' });
        expect(error.message).not.toContain(credentials.accessKeyId);
      }
    }
  });

  it('says that nobody answers', async () => {
    process.env.AWS_ACCESS_KEY_ID = 'a';
    process.env.AWS_SECRET_ACCESS_KEY = 'b';
    const store = await openStore('s3://releases?endpoint=http://127.0.0.1:9', {});
    await expect(store.stat('a')).rejects.toMatchObject({ code: 'store-unreachable' });
  });
});
