/** What S3 services answer and how the network fails, as codes. Never matches on message text. */
import { SlipwayError } from '../../contract/errors.ts';
import { systemCode } from '../../system/files/durable-file.ts';

const forbiddenNames = new Set([
  'AccessDenied',
  'AllAccessDisabled',
  'ExpiredToken',
  'Forbidden',
  'InvalidAccessKeyId',
  'SignatureDoesNotMatch',
]);

export function isAbsent(error: unknown): boolean {
  return statusOf(error) === 404 && nameOf(error) !== 'NoSuchBucket';
}

export function isPreconditionFailed(error: unknown): boolean {
  return statusOf(error) === 412;
}

/** Another conditional write on the same key was under way. */
export function isConflict(error: unknown): boolean {
  return statusOf(error) === 409;
}

export function isServerFault(error: unknown): boolean {
  return (statusOf(error) ?? 0) >= 500;
}

/** @param key what was asked for, named in the message; addresses and credentials never are */
export function s3Error(error: unknown, key: string, bucket: string): SlipwayError {
  if (error instanceof SlipwayError) return error;
  const [name, status] = [nameOf(error), statusOf(error)];
  const options = (hint: string) => ({ hint, cause: error });
  if (name === 'NoSuchBucket') {
    return new SlipwayError('bucket-missing', `there is no bucket ${bucket}`, options('Create it, or check its name.'));
  }
  if (name === 'CredentialsProviderError') {
    return new SlipwayError(
      'store-forbidden',
      'no S3 credentials were found',
      options('Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE.'),
    );
  }
  if (status === 407) {
    return new SlipwayError(
      'proxy-refused',
      `a proxy answered 407 for ${key}`,
      options(
        'Put user and password into HTTPS_PROXY (http://user:password@host:port), or name the store in NO_PROXY.',
      ),
    );
  }
  if (status === 401 || status === 403 || forbiddenNames.has(name)) {
    return new SlipwayError(
      'store-forbidden',
      `the store answered ${status ?? name} for ${key}`,
      options('Check the credentials and that their policy allows reading and writing in this bucket.'),
    );
  }
  if (status !== undefined && status < 500) {
    return new SlipwayError('io-error', `the store answered ${status} ${name} for ${key}`, { cause: error });
  }
  const detail = status === undefined ? (systemCode(error) ?? name) : `answer ${status}`;
  return new SlipwayError(
    'store-unreachable',
    `no answer of use from the store for ${key} (${detail})`,
    options('Check the endpoint, the network and HTTPS_PROXY, then run the same command again.'),
  );
}

function statusOf(error: unknown): number | undefined {
  const metadata = (error as { $metadata?: { httpStatusCode?: unknown } } | null)?.$metadata;
  return typeof metadata?.httpStatusCode === 'number' ? metadata.httpStatusCode : undefined;
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : 'unknown';
}
