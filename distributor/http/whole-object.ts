/** Answers with a short object that is in memory: ETag, 304 and 412, no ranges. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Digest } from '../../contract/digest.ts';
import { SlipwayError } from '../../contract/errors.ts';
import { select } from './conditional.ts';

interface WholeAnswer {
  readonly bytes: Uint8Array;
  readonly sha256: Digest;
  readonly cacheControl: string;
}

export function sendWhole(request: FastifyRequest, reply: FastifyReply, answer: WholeAnswer): FastifyReply {
  const etag = `"${answer.sha256}"`;
  const { headers } = request;
  const selection = select(
    {
      method: 'GET',
      ifMatch: headers['if-match'],
      ifNoneMatch: headers['if-none-match'],
      ifRange: undefined,
      range: undefined,
    },
    { etag, length: answer.bytes.length },
  );
  if (selection.status === 412) throw new SlipwayError('precondition-failed', `the ETag is ${etag}`);
  reply.header('etag', etag).header('cache-control', answer.cacheControl);
  if (selection.status === 304) return reply.code(304).send();
  return reply.type('application/json').send(Buffer.from(answer.bytes));
}
