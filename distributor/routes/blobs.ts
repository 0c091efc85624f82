/**
 * `GET|HEAD /v1/blobs/sha256/:digest` gives bytes named by their digest, whole or one range. The store's bytes are sent
 * at the client's own pace, or another server is told to send them. Content never changes, so the digest is a strong
 * ETag.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import * as z from 'zod';
import { type Digest, digestSchema } from '../../contract/digest.ts';
import { SlipwayError } from '../../contract/errors.ts';
import { blobKey } from '../../contract/store-keys.ts';
import type { ByteRange } from '../../system/store/reader.ts';
import type { Ownership } from '../catalog/private-products.ts';
import { linkQuerySchema } from '../fleet/access/signed-link.ts';
import { ClientConnection } from '../http/client-connection.ts';
import { select } from '../http/conditional.ts';
import type { App } from '../http/fastify-app.ts';
import { allowReading, type Reader, requireKnownOwners } from '../http/reading.ts';
import { SendBuffers } from '../http/send-buffers.ts';
import { sendObject } from '../http/send-object.ts';
import type { Services } from '../services.ts';

const presignedSeconds = 900;

export function blobsRoute(app: App, services: Services): void {
  const buffers = new SendBuffers();
  const owners = blobOwners(services);
  app.route({
    method: ['GET', 'HEAD'],
    url: '/v1/blobs/sha256/:digest',
    // HEAD is answered without opening the blob.
    exposeHeadRoute: false,
    schema: {
      operationId: 'getBlob',
      tags: ['artifacts'],
      summary: 'A blob, whole or one range',
      security: [{}, { bearer: [] }],
      params: z.object({ digest: digestSchema }),
      querystring: linkQuerySchema.extend({
        /** A cache in front asks: it is not sent on. */
        direct: z.literal('1').optional(),
      }),
    },
    handler: async (request, reply) => {
      const { digest } = request.params;
      const path = `/v1/blobs/sha256/${digest}`;
      const { direct, ...query } = request.query;
      const ownership = await owners(digest);
      const reader = await allowReading(request, { ownership, linked: { path, query } }, services);
      const origin = direct === undefined && !reader.byLink ? services.policy.blobOrigin : undefined;
      if (origin !== undefined) {
        const url = await cachedAt(origin, path, reader, services);
        if (url !== undefined) return reply.header('cache-control', 'no-store').redirect(url, 307);
      }
      return answerBlob(request, reply, digest, { ...services, buffers, sharing: reader.sharing });
    },
  });
}

/** One look at the store for all that ask for what was published a moment ago. */
const lookAgainMs = 5000;

function blobOwners({ catalog, clock }: Services): (digest: Digest) => Promise<Ownership> {
  let lookedAt = Number.NEGATIVE_INFINITY;
  return async (digest) => {
    requireKnownOwners(catalog);
    const known = catalog.state.owners.ownershipOf(digest);
    if (known.kind !== 'unnamed' || Math.abs(clock() - lookedAt) < lookAgainMs) return known;
    lookedAt = clock();
    await catalog.refresh(new Date(lookedAt));
    return catalog.state.owners.ownershipOf(digest);
  };
}

/**
 * Where the cache in front has the blob: what is open under one name for all, what is private by a link for its device.
 * Undefined for people and CI, who get it from here.
 */
async function cachedAt(origin: string, path: string, reader: Reader, { links, clock }: Services) {
  if (reader.sharing === 'public' && reader.device === undefined) return `${origin}${path}?direct=1`;
  return reader.device === undefined ? undefined : `${origin}${path}?${await links.sign(path, reader.device, clock())}`;
}

interface Sender extends Services, Pick<Reader, 'sharing'> {
  readonly buffers: SendBuffers;
}

async function answerBlob(
  request: FastifyRequest,
  reply: FastifyReply,
  digest: Digest,
  services: Sender,
): Promise<FastifyReply> {
  const { store, policy, sharing } = services;
  const key = blobKey(digest);
  const method = request.method === 'HEAD' ? 'HEAD' : 'GET';
  const found = await store.stat(key);
  if (!found) {
    throw new SlipwayError('blob-missing', `the store has no blob ${digest}`, {
      hint: 'Publish the release again; what is there already is skipped.',
    });
  }
  const { length } = found;
  const etag = `"${digest}"`;
  const { headers } = request;
  const selection = select(
    {
      method,
      ifMatch: headers['if-match'],
      ifNoneMatch: headers['if-none-match'],
      ifRange: typeof headers['if-range'] === 'string' ? headers['if-range'] : undefined,
      range: headers.range,
    },
    { etag, length },
  );
  if (selection.status === 412) throw new SlipwayError('precondition-failed', `the ETag is ${etag}`);
  if (selection.status === 416) {
    reply.header('content-range', `bytes */${length}`);
    throw new SlipwayError('range-invalid', `the blob has ${length} bytes; "${headers.range}" lies outside`);
  }
  reply.header('etag', etag).header('cache-control', `${sharing}, max-age=31536000, immutable`);
  if (selection.status === 304) return reply.code(304).send();

  if (policy.redirectBlobs) {
    const url = await store.presign(key, method, presignedSeconds);
    // The redirect itself must not outlive the signature in its URL.
    if (url !== undefined) return reply.header('cache-control', 'no-store').redirect(url, 307);
  }
  reply.type('application/octet-stream');
  // The proxy in front has the file, and selects the range itself.
  if (policy.accelRedirect !== undefined) return reply.header('x-accel-redirect', policy.accelRedirect + key).send();

  const range = selection.status === 206 ? selection.range : undefined;
  const bodyLength = range ? range.last - range.first + 1 : length;
  reply.code(selection.status).header('accept-ranges', 'bytes').header('content-length', bodyLength);
  if (range) reply.header('content-range', `bytes ${range.first}-${range.last}/${length}`);
  if (method === 'HEAD' || bodyLength === 0) return reply.send();
  await sendBlob(request, reply, { digest, range, bodyLength }, services);
  return reply;
}

interface WantedObject {
  readonly digest: Digest;
  readonly range: ByteRange | undefined;
  readonly bodyLength: number;
}

/** @throws SlipwayError `overloaded`, and what the store throws before the first byte is there */
async function sendBlob(
  request: FastifyRequest,
  reply: FastifyReply,
  { digest, range, bodyLength }: WantedObject,
  { store, metrics, downloads, buffers }: Sender,
): Promise<void> {
  downloads.enter();
  const client = new ClientConnection(request, reply);
  const { socket } = request.raw;
  const before = socket.bytesWritten;
  try {
    const opened = await store.open(blobKey(digest), range, client.left);
    if (!opened) throw new SlipwayError('blob-missing', `the blob ${digest} went away`);
    if (opened.length !== bodyLength) {
      opened.close();
      const found = `the store gives ${opened.length} of ${bodyLength} bytes of ${digest}`;
      throw new SlipwayError('store-unreachable', found);
    }
    await sendObject(request, reply, client, opened, buffers);
  } catch (error) {
    // A client that left needs no answer, and what ended because of it is no failure of the store.
    if (!client.left.aborted) throw error;
  } finally {
    client.release();
    downloads.leave();
    if (client.left.aborted && !reply.sent) reply.hijack();
    const sent = socket.bytesWritten - before;
    // An injected request has no real socket.
    if (sent > 0) metrics.blobBytes.inc(sent);
  }
}
