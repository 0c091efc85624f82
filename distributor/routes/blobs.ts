/**
 * `GET|HEAD /v1/blobs/sha256/:digest`: bytes named by their digest, whole or one range, streamed from the store with
 * the client's own pace. Content never changes, so the digest is a strong ETag.
 */
import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { digestSchema } from '../../contract/digest.ts';
import { SlipwayError } from '../../contract/errors.ts';
import { blobKey } from '../../contract/store-keys.ts';
import type { App } from '../app.ts';
import { allowReading } from '../http/access.ts';
import { select } from '../http/conditional.ts';
import type { Services } from '../services.ts';

const presignedSeconds = 900;

export function blobsRoute(app: App, services: Services): void {
  app.route({
    method: ['GET', 'HEAD'],
    url: '/v1/blobs/sha256/:digest',
    // HEAD is answered without opening the blob.
    exposeHeadRoute: false,
    schema: {
      tags: ['artifacts'],
      summary: 'A blob, whole or one range',
      params: z.object({ digest: digestSchema }),
    },
    handler: async (request, reply) => {
      await allowReading(request, services);
      return sendBlob(request, reply, request.params.digest, services);
    },
  });
}

async function sendBlob(
  request: FastifyRequest,
  reply: FastifyReply,
  digest: string,
  { store, policy, metrics }: Services,
): Promise<FastifyReply> {
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
  reply.header('etag', etag).header('cache-control', 'public, max-age=31536000, immutable');
  if (selection.status === 304) return reply.code(304).send();

  if (policy.redirectBlobs) {
    const url = await store.presign(key, method, presignedSeconds);
    // The redirect itself must not outlive the signature in its URL.
    if (url !== undefined) return reply.header('cache-control', 'no-store').redirect(url, 307);
  }

  const range = selection.status === 206 ? selection.range : undefined;
  const bodyLength = range ? range.last - range.first + 1 : length;
  reply
    .code(selection.status)
    .header('accept-ranges', 'bytes')
    .type('application/octet-stream')
    .header('content-length', bodyLength);
  if (range) reply.header('content-range', `bytes ${range.first}-${range.last}/${length}`);
  if (method === 'HEAD') return reply.send();
  if (bodyLength === 0) return reply.send(Readable.from([]));

  const abort = new AbortController();
  reply.raw.once('close', () => abort.abort());
  const opened = await store.open(key, range, abort.signal);
  if (!opened) throw new SlipwayError('blob-missing', `the blob ${digest} went away`);
  if (opened.length !== bodyLength || reply.raw.destroyed) {
    opened.stream.destroy();
    throw new SlipwayError('store-unreachable', `the store gives ${opened.length} of ${bodyLength} bytes of ${digest}`);
  }
  countSent(request, reply, metrics);
  return reply.send(opened.stream);
}

/** Counts what the connection carried for this answer, also when it ended early. */
function countSent(request: FastifyRequest, reply: FastifyReply, { blobBytes }: Services['metrics']): void {
  const { socket } = request.raw;
  const before = socket.bytesWritten;
  reply.raw.once('close', () => {
    const sent = socket.bytesWritten - before;
    // An injected request has no real socket.
    if (sent > 0) blobBytes.inc(sent);
  });
}
