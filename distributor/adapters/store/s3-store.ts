/**
 * A store in S3 or a service like it. Asks for no checksums beyond those S3 requires and for single ranges only: others
 * than Amazon's implement no more. Credentials, region and endpoint come from the environment as the AWS SDK has it.
 */
import type { Readable } from 'node:stream';
import { GetObjectCommand, HeadObjectCommand, S3Client, S3ServiceException } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { SlipwayError } from '../../../contract/errors.ts';
import { noProxyRule, type ProxyRule } from '../../../contract/proxy.ts';
import type { ByteRange, StoreReader } from '../../catalog/ports.ts';
import { AgentByRule } from './agent-by-rule.ts';
import { drawnStream, firstSpanBytes } from './drawn-stream.ts';

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
/** For what is short: lengths, metadata, manifests. */
const maxShortSockets = 256;

export function s3Store(options: S3StoreOptions): StoreReader {
  const client = clientOf(options, maxShortSockets);
  // Slow readers hold a connection each for a long time; how many there may be is bounded where they ask.
  const downloads = clientOf(options, Number.POSITIVE_INFINITY);
  const location = `s3://${options.bucket}/${options.prefix}`;
  const at = (key: string) => ({ Bucket: options.bucket, Key: options.prefix + key });
  const get = async (from: S3Client, key: string, range?: string, signal?: AbortSignal) => {
    const command = new GetObjectCommand({ ...at(key), ...(range === undefined ? {} : { Range: range }) });
    const answer = await from.send(command, signal ? { abortSignal: signal } : {});
    return { ...answer, body: answer.Body as Readable };
  };
  /** Of an object with bytes there: none has no range. */
  const openRange = async (key: string, { first, last }: ByteRange, signal: AbortSignal | undefined) => {
    const { body, ContentRange = 'all' } = await get(downloads, key, `bytes=${first}-${last}`, signal);
    const [, from, to, total] = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(ContentRange) ?? [];
    if (Number(from) === first && Number(to) === Math.min(last, Number(total) - 1)) {
      return { body, total: Number(total) };
    }
    body.destroy();
    throw new SlipwayError('store-unreachable', `${location} answered a range with "${ContentRange}"`);
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
        const start = range?.first ?? 0;
        const span = {
          first: start,
          last: Math.min(start + firstSpanBytes - 1, range?.last ?? Number.MAX_SAFE_INTEGER),
        };
        const { body, total } = await openRange(key, span, signal);
        return drawnStream(body, {
          length: (range?.last ?? total - 1) - start + 1,
          openFrom: async (offset, bytes) => {
            const next = { first: start + offset, last: start + offset + bytes - 1 };
            return (await orGone(location, key, () => openRange(key, next, signal))).body;
          },
          fail: (cause) => notAnswering(location, key, cause),
        });
      }),
    readWhole: (key, maxBytes) =>
      orMissing(location, key, async () => {
        const { body, ETag } = await get(client, key);
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
    close: async () => {
      client.destroy();
      downloads.destroy();
    },
  };
}

function clientOf({ region, endpoint, proxies = noProxyRule }: S3StoreOptions, maxSockets: number): S3Client {
  const agent = proxies.hasProxy ? new AgentByRule(proxies, { maxSockets }) : { maxSockets };
  return new S3Client({
    region,
    ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: {
      connectionTimeout: connectTimeoutMs,
      socketTimeout: socketTimeoutMs,
      httpAgent: agent,
      httpsAgent: agent,
    },
  });
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
    throw notAnswering(location, key, error);
  }
}

/** For what was there a moment ago. */
async function orGone<T>(location: string, key: string, ask: () => Promise<T>): Promise<T> {
  const found = await orMissing(location, key, ask);
  if (found === undefined) throw new SlipwayError('blob-missing', `${key} went away from ${location}`);
  return found;
}

function notAnswering(location: string, key: string, cause: unknown): SlipwayError {
  const detail = cause instanceof Error ? cause.message || cause.name : String(cause);
  return new SlipwayError('store-unreachable', `${location} does not answer for ${key}: ${detail}`, {
    cause,
    hint: 'Check AWS_ENDPOINT_URL_S3, the network, HTTPS_PROXY and the credentials.',
  });
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
