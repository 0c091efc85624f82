/** Turns what S3 services answer, and how the network fails, into codes. It never matches on message text. */
import { SlipwayError } from '../../contract/errors.ts';

const forbiddenNames = new Set([
  'AccessDenied',
  'AllAccessDisabled',
  'ExpiredToken',
  'Forbidden',
  'InvalidAccessKeyId',
  'SignatureDoesNotMatch',
]);

export function isNoSuchKey(error: unknown): boolean {
  return statusOf(error) === 404 && nameOf(error) !== 'NoSuchBucket';
}

export function isPreconditionFailed(error: unknown): boolean {
  return statusOf(error) === 412;
}

/** A conditional write may or may not have had its effect: the service failed, or another one was under way. */
export function isUnclear(error: unknown): boolean {
  const status = statusOf(error) ?? 0;
  return status >= 500 || status === 409;
}

/** A range of an object that is shorter. */
export function isOutOfRange(error: unknown): boolean {
  return statusOf(error) === 416;
}

/**
 * @param key what was asked for, named in the message; addresses and credentials never are
 * @param location `s3://bucket/prefix`
 */
export function s3Error(error: unknown, key: string, location: string): SlipwayError {
  if (error instanceof SlipwayError) return error;
  const [name, status] = [nameOf(error), statusOf(error)];
  const options = (hint: string) => ({ hint, cause: error });
  if (name === 'NoSuchBucket') {
    return new SlipwayError(
      'bucket-missing',
      `the bucket of ${location} does not exist`,
      options('Create the bucket, or correct the URL of the store.'),
    );
  }
  if (name === 'CredentialsProviderError') {
    return new SlipwayError(
      'store-forbidden',
      `no S3 credentials were found for ${location}`,
      options('Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE.'),
    );
  }
  if (status === 407) {
    return new SlipwayError(
      'proxy-refused',
      `a proxy answered 407 for ${key} of ${location}`,
      options(
        'Put user and password into HTTPS_PROXY (http://user:password@host:port), or name the store in NO_PROXY.',
      ),
    );
  }
  if (status === 401 || status === 403 || forbiddenNames.has(name)) {
    return new SlipwayError(
      'store-forbidden',
      `${location} answered ${status ?? name} for ${key}`,
      options(
        'Check the credentials. To read they need s3:GetObject and s3:ListBucket on the bucket, without which S3 hides what is missing; to publish s3:PutObject, too.',
      ),
    );
  }
  const detail = status === undefined ? (codeOf(error) ?? name) : `${status} ${name}`;
  return new SlipwayError(
    'store-unreachable',
    `no answer of use from ${location} for ${key}: ${detail}`,
    options(
      'Check the service, its endpoint and region (AWS_ENDPOINT_URL_S3, AWS_REGION), the network and HTTPS_PROXY.',
    ),
  );
}

function statusOf(error: unknown): number | undefined {
  const metadata = (error as { $metadata?: { httpStatusCode?: unknown } } | null)?.$metadata;
  return typeof metadata?.httpStatusCode === 'number' ? metadata.httpStatusCode : undefined;
}

function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : undefined;
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : 'unknown';
}
