/**
 * What tests know of the S3 service: where it is, two users, and how to get a bucket of their own. The global setup
 * starts it; see ceph.ts.
 */
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { inject } from 'vitest';

export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export interface S3Service {
  /** `http://127.0.0.1:<port>`; path-style addressing only. */
  readonly endpoint: string;
  readonly region: string;
  /** May create buckets and owns them. */
  readonly owner: S3Credentials;
  /** A valid user without any right: what it asks for is answered 403. */
  readonly stranger: S3Credentials;
}

export interface Unavailable {
  /** Why the service is not there, one line. */
  readonly unavailable: string;
}

declare module 'vitest' {
  interface ProvidedContext {
    s3: S3Service | Unavailable;
  }
}

/** The service of this run, or why there is none; give `unavailable` to describeUnless. */
export function s3Service(): S3Service | Unavailable {
  return inject('s3');
}

/** A client by the rules that S3 services other than Amazon's need: no checksums unless required, path style. */
export function s3Client(service: S3Service, credentials: S3Credentials = service.owner): S3Client {
  return new S3Client({
    endpoint: service.endpoint,
    region: service.region,
    credentials,
    forcePathStyle: true,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
}

let buckets = 0;

/**
 * A new empty bucket of the owner; one per suite, so that suites never see one another's objects.
 * @returns its name
 */
export async function freshBucket(service: S3Service): Promise<string> {
  const client = s3Client(service);
  buckets += 1;
  const name = `suite-${process.pid}-${buckets}-${Date.now().toString(36)}`;
  try {
    await client.send(new CreateBucketCommand({ Bucket: name }));
  } finally {
    client.destroy();
  }
  return name;
}
