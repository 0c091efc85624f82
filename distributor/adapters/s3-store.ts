/**
 * A store in S3 or a service like it. Asks for no checksums beyond those S3 requires and for single ranges only: others
 * than Amazon's implement no more. Credentials, region and endpoint come from the environment as the AWS SDK has it.
 */
import type { Readable } from 'node:stream';
import { GetObjectCommand, HeadObjectCommand, S3Client, S3ServiceException } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { SlipwayError } from '../../contract/errors.ts';
import { noProxyRule, type ProxyRule } from '../../contract/proxy.ts';
import type { StoreReader } from '../catalog/ports.ts';
import { AgentByRule } from './agent-by-rule.ts';

export interface S3StoreOptions {
  readonly bucket: string;
  /** Empty, or ends with `/`. */
  readonly prefix: string;
  /** Of the service, path-style; undefined for Amazon's own. */
  readonly endpoint: string | undefined;
  readonly region: string;
  readonly proxies?: ProxyRule;
}

const connectTimeoutMs = 5000;
/** No byte from the store for so long ends the request. */
const socketTimeoutMs = 60_000;
const maxSockets = 256;

export function s3Store(options: S3StoreOptions): StoreReader {
  const { proxies = noProxyRule } = options;
  const agent = new AgentByRule(proxies, { maxSockets });
  const client = new S3Client({
    region: options.region,
    ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint, forcePathStyle: true }),
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: {
      connectionTimeout: connectTimeoutMs,
      socketTimeout: socketTimeoutMs,
      httpAgent: proxies.hasProxy ? agent : { maxSockets },
      httpsAgent: proxies.hasProxy ? agent : { maxSockets },
    },
  });
  const location = `s3://${options.bucket}/${options.prefix}`;
  const at = (key: string) => ({ Bucket: options.bucket, Key: options.prefix + key });
  const get = async (key: string, range?: string, signal?: AbortSignal) => {
    const command = new GetObjectCommand({ ...at(key), ...(range === undefined ? {} : { Range: range }) });
    const answer = await client.send(command, signal ? { abortSignal: signal } : {});
    return { ...answer, body: answer.Body as Readable };
  };
  return {
    location,
    stat: (key) =>
      orMissing(location, key, async () => {
        const { ContentLength = 0 } = await client.send(new HeadObjectCommand(at(key)));
        return { length: ContentLength };
      }),
    open: (key, range, signal) =>
      orMissing(location, key, async () => {
        const wanted = range && `bytes=${range.first}-${range.last}`;
        const { body, ContentLength = 0, ContentRange } = await get(key, wanted, signal);
        if (range && !ContentRange?.startsWith(`bytes ${range.first}-${range.last}/`)) {
          body.destroy();
          throw new SlipwayError('store-unreachable', `${location} answered a range with "${ContentRange ?? 'all'}"`);
        }
        return { length: ContentLength, stream: body };
      }),
    readWhole: (key, maxBytes) =>
      orMissing(location, key, async () => {
        const { body, ETag } = await get(key);
        const chunks: Buffer[] = [];
        let length = 0;
        for await (const chunk of body as AsyncIterable<Buffer>) {
          length += chunk.length;
          if (length > maxBytes) {
            body.destroy();
            throw new SlipwayError('metadata-too-large', `${key} is longer than ${maxBytes} bytes`);
          }
          chunks.push(chunk);
        }
        return { bytes: Buffer.concat(chunks), etag: ETag };
      }),
    presign: (key, method, validSeconds) => {
      const command = method === 'GET' ? new GetObjectCommand(at(key)) : new HeadObjectCommand(at(key));
      return getSignedUrl(client, command, { expiresIn: validSeconds });
    },
    close: async () => client.destroy(),
  };
}

async function orMissing<T>(location: string, key: string, ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof SlipwayError) throw error;
    if (error instanceof S3ServiceException) {
      if (error.name === 'NoSuchKey' || error.name === 'NotFound') return undefined;
      throw classifyAnswer(location, key, error);
    }
    const detail = error instanceof Error ? error.message || error.name : String(error);
    throw new SlipwayError('store-unreachable', `${location} does not answer for ${key}: ${detail}`, {
      cause: error,
      hint: 'Check AWS_ENDPOINT_URL_S3, the network, HTTPS_PROXY and the credentials.',
    });
  }
}

function classifyAnswer(location: string, key: string, error: S3ServiceException): SlipwayError {
  const status = error.$metadata.httpStatusCode ?? 0;
  if (error.name === 'NoSuchBucket') {
    return new SlipwayError('bucket-missing', `the bucket of ${location} does not exist`, {
      cause: error,
      hint: 'Create the bucket, or correct --store.',
    });
  }
  if (status === 407) {
    return new SlipwayError('proxy-refused', `a proxy answered 407 for ${key} of ${location}`, {
      cause: error,
      hint: 'Put user and password into HTTPS_PROXY (http://user:password@host:port), or name the store in NO_PROXY.',
    });
  }
  if (status === 401 || status === 403) {
    return new SlipwayError('store-forbidden', `${location} refuses to read ${key}: ${error.name}`, {
      cause: error,
      hint: 'Give the credentials s3:GetObject and s3:ListBucket on the bucket; without the latter S3 hides what is missing.',
    });
  }
  return new SlipwayError('store-unreachable', `${location} answered ${status} ${error.name} for ${key}`, {
    cause: error,
    hint: 'Check the service and its endpoint.',
  });
}
