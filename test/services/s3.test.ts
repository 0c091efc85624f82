import { GetObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { beforeAll, expect, it } from 'vitest';
import { describeUnless } from './requirement.ts';
import { freshBucket, s3Client, s3Service } from './s3.ts';

const s3 = s3Service();

describeUnless('unavailable' in s3 ? s3.unavailable : undefined, 'the S3 service of the tests', () => {
  if ('unavailable' in s3) return;
  let bucket: string;
  let client: S3Client;
  beforeAll(async () => {
    bucket = await freshBucket(s3);
    client = s3Client(s3);
    return () => client.destroy();
  });

  it('returns the bytes that were put', async () => {
    await client.send(new PutObjectCommand({ Bucket: bucket, Key: 'a/b', Body: 'seven seas' }));
    const object = await client.send(new GetObjectCommand({ Bucket: bucket, Key: 'a/b' }));
    expect(await object.Body?.transformToString()).toBe('seven seas');
  });

  it('creates an object once and replaces it only by the ETag it has', async () => {
    const put = (options: { IfMatch?: string; IfNoneMatch?: string }, body: string) =>
      client.send(new PutObjectCommand({ Bucket: bucket, Key: 'cas', Body: body, ...options }));
    const first = await put({ IfNoneMatch: '*' }, 'one');
    const etag = (first.ETag ?? '').replaceAll('"', '');
    await expect(put({ IfNoneMatch: '*' }, 'other')).rejects.toMatchObject({ $metadata: { httpStatusCode: 412 } });
    await put({ IfMatch: etag }, 'two');
    await expect(put({ IfMatch: etag }, 'three')).rejects.toMatchObject({ $metadata: { httpStatusCode: 412 } });
  });

  it('refuses the stranger and a wrong secret', async () => {
    for (const credentials of [s3.stranger, { ...s3.owner, secretAccessKey: 'wrong' }]) {
      const other = s3Client(s3, credentials);
      await expect(other.send(new GetObjectCommand({ Bucket: bucket, Key: 'a/b' }))).rejects.toMatchObject({
        $metadata: { httpStatusCode: 403 },
      });
      await expect(freshBucket({ ...s3, owner: credentials })).rejects.toThrow();
      other.destroy();
    }
  });
});
