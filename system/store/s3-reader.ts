/** Reads a store in S3 or a service like it. It asks for single ranges only: others than Amazon's know no more. */
import type { Readable } from 'node:stream';
import { GetObjectCommand, HeadObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { sha256 } from '../../contract/digest.ts';
import { SlipwayError } from '../../contract/errors.ts';
import { drawnStream, firstSpanBytes } from './drawn-stream.ts';
import type { ByteRange, OpenObject, StoreReader, WholeObject } from './reader.ts';
import { type S3Access, type S3Place, s3Access } from './s3-client.ts';
import { isNoSuchKey, isOutOfRange, s3Error } from './s3-errors.ts';

export function s3Reader(place: S3Place): StoreReader {
  return s3ReaderOver(s3Access(place));
}

/** For a writer that reads by the same connections. */
export function s3ReaderOver(access: S3Access): StoreReader {
  const { location, questions, at } = access;
  const orMissing = <T>(key: string, ask: () => Promise<T>) => orMissingAt(location, key, ask);
  return {
    location,
    stat: (key) =>
      orMissing(key, async () => {
        const { ContentLength = 0 } = await questions.send(new HeadObjectCommand(at(key)));
        return { length: ContentLength };
      }),
    open: (key, range, signal) => orMissing(key, () => openObject(access, key, range, signal)),
    readWhole: (key, maxBytes) => orMissing(key, () => readWhole(access, key, maxBytes)),
    presign: (key, method, validSeconds) => {
      const command = method === 'GET' ? new GetObjectCommand(at(key)) : new HeadObjectCommand(at(key));
      return getSignedUrl(questions, command, { expiresIn: validSeconds });
    },
    close: async () => access.close(),
  };
}

/** @returns bytes without quotes */
export function unquoted(etag: string | undefined): string {
  return (etag ?? '').replaceAll('"', '');
}

async function readWhole({ questions, at }: S3Access, key: string, maxBytes: number): Promise<WholeObject> {
  const { body, ETag } = await get(questions, at(key));
  const chunks: Buffer[] = [];
  let length = 0;
  // Leaving the loop destroys the body: nothing more comes.
  for await (const chunk of body as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > maxBytes) {
      throw new SlipwayError('metadata-too-large', `${key} is longer than ${maxBytes} bytes`);
    }
    chunks.push(chunk);
  }
  const bytes = Buffer.concat(chunks);
  return { bytes, etag: unquoted(ETag) || sha256(bytes) };
}

async function openObject(
  access: S3Access,
  key: string,
  range: ByteRange | undefined,
  signal: AbortSignal | undefined,
): Promise<OpenObject> {
  const { location } = access;
  const start = range?.first ?? 0;
  const firstSpan = {
    first: start,
    last: Math.min(start + firstSpanBytes - 1, range?.last ?? Number.MAX_SAFE_INTEGER),
  };
  const opened = await openRange(access, key, firstSpan, signal).catch((error: unknown) => {
    // No range lies inside an object of no bytes.
    if (range === undefined && isOutOfRange(error)) return undefined;
    throw error;
  });
  if (!opened) return noBytes;
  return drawnStream(opened.body, {
    length: (range?.last ?? opened.total - 1) - start + 1,
    openFrom: async (offset, bytes) => {
      const next = { first: start + offset, last: start + offset + bytes - 1 };
      const span = await orMissingAt(location, key, () => openRange(access, key, next, signal));
      if (!span) throw new SlipwayError('blob-missing', `${key} went away from ${location}`);
      return span.body;
    },
    fail: (cause) => s3Error(cause, key, location),
  });
}

const noBytes: OpenObject = { length: 0, read: async () => 0, close: () => undefined };

async function openRange(
  { location, streams, at }: S3Access,
  key: string,
  { first, last }: ByteRange,
  signal: AbortSignal | undefined,
): Promise<{ body: Readable; total: number }> {
  const { body, ContentRange = 'all' } = await get(streams, { ...at(key), Range: `bytes=${first}-${last}` }, signal);
  const [, from, to, total] = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(ContentRange) ?? [];
  if (Number(from) === first && Number(to) === Math.min(last, Number(total) - 1)) {
    return { body, total: Number(total) };
  }
  body.destroy();
  throw new SlipwayError('store-unreachable', `${location} answered a range of ${key} with "${ContentRange}"`);
}

async function get(client: S3Client, input: { Bucket: string; Key: string; Range?: string }, signal?: AbortSignal) {
  const answer = await client.send(new GetObjectCommand(input), signal ? { abortSignal: signal } : {});
  return { ...answer, body: answer.Body as Readable };
}

async function orMissingAt<T>(location: string, key: string, ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (isNoSuchKey(error)) return undefined;
    throw s3Error(error, key, location);
  }
}
