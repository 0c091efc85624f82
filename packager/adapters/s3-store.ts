/**
 * A store in an S3 bucket, by the rules that Amazon, Ceph and MinIO share: checksums only where required, ETags
 * without quotes in If-Match, create-once by a plain PUT (a multipart upload ignores If-None-Match).
 */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { GetObjectCommand, HeadObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { SlipwayError } from '../../contract/errors.ts';
import { proxiesOfEnvironment } from '../../contract/proxy.ts';
import type { StoreLocation } from '../../contract/store-url.ts';
import { streamDigest } from '../../contract/stream-digest.ts';
import type { BlobSource, Holding, KnownObject, Store, StoredObject } from '../publish/ports.ts';
import { AgentByRule } from './agent-by-rule.ts';
import { isAbsent, isConflict, isPreconditionFailed, isServerFault, s3Error } from './s3-errors.ts';
import { etagOf } from './s3-etag.ts';

/** From here on an object is sent in parts; below it fits one request and can be replayed from memory. */
const multipartFromBytes = 16 * 1024 * 1024;
const partsInFlight = 2;
/** S3 allows 10,000 parts. */
const maxParts = 9000;
const maxConditionalAttempts = 6;

export class S3Store implements Store {
  readonly #client: S3Client;
  readonly #bucket: string;
  readonly #prefix: string;

  /** Credentials come from the AWS default chain (environment, shared files, instance role), proxies from HTTPS_PROXY. */
  constructor(location: Extract<StoreLocation, { kind: 's3' }>, env: NodeJS.ProcessEnv) {
    const endpoint = location.endpoint ?? env.AWS_ENDPOINT_URL_S3 ?? env.AWS_ENDPOINT_URL;
    const proxies = proxiesOfEnvironment(env);
    const agent = proxies.hasProxy ? new AgentByRule(proxies) : undefined;
    this.#client = new S3Client({
      region: location.region ?? env.AWS_REGION ?? env.AWS_DEFAULT_REGION ?? 'us-east-1',
      ...(endpoint ? { endpoint, forcePathStyle: true } : {}),
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      maxAttempts: 4,
      ...(agent ? { requestHandler: { httpAgent: agent, httpsAgent: agent } } : {}),
    });
    this.#bucket = location.bucket;
    this.#prefix = location.prefix;
  }

  async head(key: string): Promise<{ readonly length: number } | undefined> {
    try {
      const found = await this.#client.send(new HeadObjectCommand(this.#at(key)));
      return { length: found.ContentLength ?? 0 };
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw s3Error(error, key, this.#bucket);
    }
  }

  /** An ETag that is not the expected one says nothing yet: the object may be encrypted, or sent in other parts. */
  async holds(key: string, object: KnownObject): Promise<Holding> {
    try {
      const found = await this.#client.send(new HeadObjectCommand(this.#at(key)));
      if ((found.ContentLength ?? 0) !== object.length) return 'other';
      const partBytes = object.length < multipartFromBytes ? undefined : partBytesOf(object.length);
      if (unquoted(found.ETag) === (await etagOf(object.open(), partBytes))) return 'same';
      return (await streamDigest(await this.read(key))) === object.sha256 ? 'same' : 'other';
    } catch (error) {
      if (isAbsent(error)) return 'absent';
      throw s3Error(error, key, this.#bucket);
    }
  }

  async get(key: string, maxBytes: number): Promise<StoredObject | undefined> {
    try {
      const found = await this.#client.send(new GetObjectCommand(this.#at(key)));
      const body = found.Body as Readable;
      if ((found.ContentLength ?? 0) > maxBytes) {
        body.destroy();
        throw new SlipwayError('metadata-too-large', `${key} has ${found.ContentLength} bytes, expected ${maxBytes}`);
      }
      const chunks: Buffer[] = [];
      for await (const chunk of body) chunks.push(chunk as Buffer);
      return { bytes: Buffer.concat(chunks), etag: unquoted(found.ETag) };
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw s3Error(error, key, this.#bucket);
    }
  }

  async read(key: string): Promise<Readable> {
    try {
      const found = await this.#client.send(new GetObjectCommand(this.#at(key)));
      return found.Body as Readable;
    } catch (error) {
      if (isAbsent(error)) throw new SlipwayError('object-missing', `the store has no ${key}`, { cause: error });
      throw s3Error(error, key, this.#bucket);
    }
  }

  async putNew(key: string, bytes: Uint8Array): Promise<'created' | 'exists'> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#put(key, bytes, { IfNoneMatch: '*' });
        return 'created';
      } catch (error) {
        if (isPreconditionFailed(error)) return 'exists';
        if (!isUnclear(error) || attempt === maxConditionalAttempts) throw s3Error(error, key, this.#bucket);
        await pause(attempt * 50);
      }
    }
  }

  /** A lost race may be answered 500, and a retry inside the client may meet its own success: only a read tells. */
  async compareAndSwap(key: string, etag: string, bytes: Uint8Array): Promise<'swapped' | 'changed'> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#put(key, bytes, { IfMatch: etag });
        return 'swapped';
      } catch (error) {
        const unclear = isUnclear(error);
        if (!unclear && !isPreconditionFailed(error) && !isAbsent(error)) throw s3Error(error, key, this.#bucket);
        const current = await this.get(key, Number.MAX_SAFE_INTEGER);
        if (current && Buffer.compare(current.bytes, bytes) === 0) return 'swapped';
        if (current?.etag !== etag) return 'changed';
        if (attempt === maxConditionalAttempts) throw s3Error(error, key, this.#bucket);
        await pause(attempt * 50);
      }
    }
  }

  async putBlob(key: string, source: BlobSource, onBytes: (count: number) => void = () => undefined): Promise<void> {
    try {
      if (source.length < multipartFromBytes) {
        await this.#put(key, await collect(source, key), {});
        onBytes(source.length);
      } else {
        await this.#putParts(key, source, onBytes);
      }
    } catch (error) {
      throw s3Error(error, key, this.#bucket);
    }
  }

  async close(): Promise<void> {
    this.#client.destroy();
  }

  async #putParts(key: string, source: BlobSource, onBytes: (count: number) => void): Promise<void> {
    const upload = new Upload({
      client: this.#client,
      params: { ...this.#at(key), Body: Readable.from(checkedLength(source, key), { objectMode: false }) },
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

  /** Content-MD5 is the one digest of a body that every such service checks. */
  async #put(key: string, bytes: Uint8Array, condition: { IfMatch?: string; IfNoneMatch?: string }): Promise<void> {
    await this.#client.send(
      new PutObjectCommand({
        ...this.#at(key),
        ...condition,
        Body: bytes,
        ContentLength: bytes.length,
        ContentMD5: createHash('md5').update(bytes).digest('base64'),
      }),
    );
  }

  #at(key: string): { Bucket: string; Key: string } {
    return { Bucket: this.#bucket, Key: this.#prefix + key };
  }
}

function partBytesOf(length: number): number {
  return Math.max(multipartFromBytes, Math.ceil(length / maxParts));
}

async function* checkedLength(source: BlobSource, key: string): AsyncGenerator<Uint8Array> {
  let total = 0;
  for await (const chunk of source.open() as AsyncIterable<Uint8Array>) {
    total += chunk.length;
    yield chunk;
  }
  if (total !== source.length) {
    throw new SlipwayError('length-mismatch', `${key}: expected ${source.length} bytes, read ${total}`);
  }
}

async function collect(source: BlobSource, key: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of checkedLength(source, key)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** The request may or may not have had its effect. */
function isUnclear(error: unknown): boolean {
  return isServerFault(error) || isConflict(error);
}

function unquoted(etag: string | undefined): string {
  return (etag ?? '').replaceAll('"', '');
}
