/**
 * Writes a store in S3 or a service like it, by the rules that Amazon, Ceph and MinIO share: ETags without quotes in
 * If-Match, create-once by a plain PUT (a multipart upload ignores If-None-Match).
 */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { HeadObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { streamDigest } from '../../contract/stream-digest.ts';
import { countedSource } from './counted-source.ts';
import { objectStream } from './object-stream.ts';
import type { StoreReader } from './reader.ts';
import { type S3Access, type S3Place, s3Access } from './s3-client.ts';
import { isNoSuchKey, isPreconditionFailed, isUnclear, s3Error } from './s3-errors.ts';
import { etagOf } from './s3-etag.ts';
import { s3ReaderOver, unquoted } from './s3-reader.ts';
import { type Holding, type KnownObject, maxSwappedBytes, type RepeatableBytes, type StoreWriter } from './writer.ts';

/** From here on an object is sent in parts; below it fits one request and can be replayed from memory. */
const multipartFromBytes = 16 * 1024 * 1024;
const partsInFlight = 2;
/** S3 allows 10,000 parts. */
const maxParts = 9000;
const maxConditionalAttempts = 6;

export function s3Writer(place: S3Place): StoreWriter {
  const access = s3Access(place);
  const reader = s3ReaderOver(access);
  const orFailed = <T>(key: string, work: () => Promise<T>) =>
    work().catch((error: unknown) => {
      throw s3Error(error, key, access.location);
    });
  return {
    ...reader,
    holds: (key, object) => orFailed(key, () => holds(access, reader, key, object)),
    putNew: (key, bytes) => orFailed(key, () => putNew(access, key, bytes)),
    compareAndSwap: (key, etag, bytes) => orFailed(key, () => compareAndSwap(access, reader, key, etag, bytes)),
    putBlob: (key, source, onBytes = () => undefined) =>
      orFailed(key, async () => {
        if (source.length >= multipartFromBytes) return putParts(access, key, source, onBytes);
        await put(access.streams, access.at(key), await collect(source, key));
        onBytes(source.length);
      }),
  };
}

/** An ETag that is not the expected one says nothing yet: the object may be encrypted, or sent in other parts. */
async function holds(
  { questions, at }: S3Access,
  reader: StoreReader,
  key: string,
  object: KnownObject,
): Promise<Holding> {
  const found = await questions.send(new HeadObjectCommand(at(key))).catch((error: unknown) => {
    if (isNoSuchKey(error)) return undefined;
    throw error;
  });
  if (!found) return 'absent';
  if ((found.ContentLength ?? 0) !== object.length) return 'other';
  const partBytes = object.length < multipartFromBytes ? undefined : partBytesOf(object.length);
  if (unquoted(found.ETag) === (await etagOf(object.open(), partBytes))) return 'same';
  return (await streamDigest(await objectStream(reader, key))) === object.sha256 ? 'same' : 'other';
}

async function putNew({ questions, at }: S3Access, key: string, bytes: Uint8Array): Promise<'created' | 'exists'> {
  for (let attempt = 1; ; attempt++) {
    try {
      await put(questions, { ...at(key), IfNoneMatch: '*' }, bytes);
      return 'created';
    } catch (error) {
      if (isPreconditionFailed(error)) return 'exists';
      if (!isUnclear(error) || attempt === maxConditionalAttempts) throw error;
      await pause(attempt * 50);
    }
  }
}

/** A lost race may be answered 500, and a retry inside the client may meet its own success: only a read tells. */
async function compareAndSwap(
  { questions, at }: S3Access,
  reader: StoreReader,
  key: string,
  etag: string,
  bytes: Uint8Array,
): Promise<'swapped' | 'changed'> {
  for (let attempt = 1; ; attempt++) {
    try {
      await put(questions, { ...at(key), IfMatch: etag }, bytes);
      return 'swapped';
    } catch (error) {
      if (!isUnclear(error) && !isPreconditionFailed(error) && !isNoSuchKey(error)) throw error;
      const current = await reader.readWhole(key, maxSwappedBytes);
      if (current && Buffer.compare(current.bytes, bytes) === 0) return 'swapped';
      if (current?.etag !== etag) return 'changed';
      if (attempt === maxConditionalAttempts) throw error;
      await pause(attempt * 50);
    }
  }
}

async function putParts(
  { streams, at }: S3Access,
  key: string,
  source: RepeatableBytes,
  onBytes: (count: number) => void,
): Promise<void> {
  const upload = new Upload({
    client: streams,
    params: { ...at(key), Body: Readable.from(countedSource(source, key), { objectMode: false }) },
    partSize: partBytesOf(source.length),
    queueSize: partsInFlight,
  });
  let seen = 0;
  upload.on('httpUploadProgress', ({ loaded = 0 }) => {
    onBytes(loaded - seen);
    seen = loaded;
  });
  await upload.done();
}

interface UploadTarget {
  readonly Bucket: string;
  readonly Key: string;
  readonly IfMatch?: string;
  readonly IfNoneMatch?: string;
}

/** Content-MD5 is the one digest of a body that every such service checks. */
async function put(client: S3Client, target: UploadTarget, bytes: Uint8Array): Promise<void> {
  const ContentMD5 = createHash('md5').update(bytes).digest('base64');
  await client.send(new PutObjectCommand({ ...target, Body: bytes, ContentLength: bytes.length, ContentMD5 }));
}

function partBytesOf(length: number): number {
  return Math.max(multipartFromBytes, Math.ceil(length / maxParts));
}

async function collect(source: RepeatableBytes, key: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of countedSource(source, key)) chunks.push(chunk);
  return Buffer.concat(chunks);
}
