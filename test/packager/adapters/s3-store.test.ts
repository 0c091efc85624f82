import { beforeAll, expect, it } from 'vitest';
import { S3Store } from '../../../packager/adapters/s3-store.ts';
import { publisherStoreSuite } from '../../port-suites/publisher-store.ts';
import { describeUnless } from '../../services/requirement.ts';
import { freshBucket, type S3Credentials, s3Service } from '../../services/s3.ts';

const s3 = s3Service();

describeUnless('unavailable' in s3 ? s3.unavailable : undefined, 'an S3 store', () => {
  if ('unavailable' in s3) return;
  const service = s3;
  let bucket: string;
  let resets = 0;
  const open = (options: { bucket?: string; credentials?: S3Credentials; endpoint?: string } = {}) => {
    const credentials = options.credentials ?? service.owner;
    process.env.AWS_ACCESS_KEY_ID = credentials.accessKeyId;
    process.env.AWS_SECRET_ACCESS_KEY = credentials.secretAccessKey;
    return new S3Store(
      { kind: 's3', bucket: options.bucket ?? bucket, prefix: `place-${resets}/`, region: service.region },
      { AWS_ENDPOINT_URL: options.endpoint ?? service.endpoint },
    );
  };
  beforeAll(async () => {
    bucket = await freshBucket(service);
  });

  publisherStoreSuite(
    'S3',
    () => open(),
    async () => {
      resets += 1;
    },
  );

  it('says that the bucket is missing', async () => {
    const store = open({ bucket: 'no-such-bucket-here' });
    await expect(store.get('metadata/timestamp.json', 100)).rejects.toMatchObject({ code: 'bucket-missing' });
    await expect(store.putNew('metadata/x', Buffer.from('x'))).rejects.toMatchObject({ code: 'bucket-missing' });
  });

  it('says that the credentials may not do this, without showing them', async () => {
    for (const credentials of [service.stranger, { ...service.owner, secretAccessKey: 'wrong' }]) {
      const store = open({ credentials });
      const error: Error = await store.putNew('metadata/x', Buffer.from('x')).catch((thrown) => thrown);
      expect(error).toMatchObject({ code: 'store-forbidden' });
      expect(error.message).not.toContain(credentials.accessKeyId);
    }
  });

  it('says that nobody answers', async () => {
    const store = open({ endpoint: 'http://127.0.0.1:9' });
    await expect(store.get('metadata/timestamp.json', 100)).rejects.toMatchObject({ code: 'store-unreachable' });
  });
});
