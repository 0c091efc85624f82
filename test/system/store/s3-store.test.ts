import { PutObjectCommand } from '@aws-sdk/client-s3';
import { beforeAll, describe, expect, it } from 'vitest';
import { openReader } from '../../../system/store/open-reader.ts';
import { openWriter } from '../../../system/store/open-writer.ts';
import { s3PlaceOf } from '../../../system/store/s3-client.ts';
import { s3Writer } from '../../../system/store/s3-writer.ts';
import { describeUnless } from '../../services/requirement.ts';
import { freshBucket, type S3Credentials, s3Client, s3Service } from '../../services/s3.ts';
import { storeReaderSuite } from './reader-suite.ts';
import { storeWriterSuite } from './writer-suite.ts';

const s3 = s3Service();

describeUnless('unavailable' in s3 ? s3.unavailable : undefined, 'an S3 store', () => {
  if ('unavailable' in s3) return;
  const service = s3;
  const environment = { AWS_ENDPOINT_URL_S3: service.endpoint, AWS_REGION: service.region };
  const identify = ({ accessKeyId, secretAccessKey }: S3Credentials = service.owner) => {
    process.env.AWS_ACCESS_KEY_ID = accessKeyId;
    process.env.AWS_SECRET_ACCESS_KEY = secretAccessKey;
  };
  const fill = async (open: typeof openReader) => {
    identify();
    const bucket = await freshBucket(service);
    const client = s3Client(service);
    const reader = await open(`s3://${bucket}/edge/releases`, environment);
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
  storeReaderSuite('S3', () => fill(openReader));
  storeReaderSuite('S3 that may be written', () => fill(openWriter));

  let bucket: string;
  let resets = 0;
  beforeAll(async () => {
    bucket = await freshBucket(service);
  });
  storeWriterSuite(
    'S3',
    () => {
      identify();
      const location = { kind: 's3', bucket, prefix: `place-${resets}/`, region: service.region } as const;
      return s3Writer(s3PlaceOf(location, { AWS_ENDPOINT_URL: service.endpoint }));
    },
    async () => {
      resets += 1;
    },
  );

  describe('a presigned URL', () => {
    let store: Awaited<ReturnType<typeof fill>>;
    beforeAll(async () => {
      store = await fill(openReader);
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
    identify();
    const store = await openWriter('s3://no-such-bucket-here', environment);
    await expect(store.readWhole('metadata/timestamp.json', 10)).rejects.toMatchObject({ code: 'bucket-missing' });
    await expect(store.putNew('metadata/x', Buffer.from('x'))).rejects.toMatchObject({ code: 'bucket-missing' });
  });

  it('says that the credentials may not do this, without showing them', async () => {
    for (const credentials of [service.stranger, { ...service.owner, secretAccessKey: 'wrong' }]) {
      identify(credentials);
      const store = await openWriter(`s3://${bucket}`, environment);
      for (const ask of [
        () => store.readWhole('a', 10),
        () => store.stat('a'),
        () => store.open('a', undefined),
        () => store.putNew('a', Buffer.from('x')),
      ]) {
        const error: Error = await ask().then(
          () => new Error('it was allowed'),
          (thrown) => thrown,
        );
        expect(error).toMatchObject({ code: 'store-forbidden' });
        expect(error.message).not.toContain(credentials.accessKeyId);
      }
    }
  });

  it('says that nobody answers', async () => {
    identify();
    const store = await openReader('s3://releases?endpoint=http://127.0.0.1:9', {});
    await expect(store.stat('a')).rejects.toMatchObject({ code: 'store-unreachable' });
  });
});
