/**
 * Sends the bytes of an object as the body of an answer, at the client's own pace, from buffers that are used again:
 * the next read goes on while a write is taken. A client that leaves ends it quietly; a store that fails in between
 * breaks the connection, because the length was promised.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { SlipwayError, toSlipwayError } from '../../contract/errors.ts';
import type { OpenObject } from '../../system/store/reader.ts';
import { noteForLog } from './answer-log.ts';
import type { ClientConnection } from './client-connection.ts';
import type { SendBuffers } from './send-buffers.ts';

/**
 * Takes the answer over when the first bytes are there; what fails before is thrown, and answered like any failure.
 * @param object closed at the end, whatever becomes of it
 */
export async function sendObject(
  request: FastifyRequest,
  reply: FastifyReply,
  client: ClientConnection,
  object: OpenObject,
  buffers: SendBuffers,
): Promise<void> {
  const pieces = new Pieces(object, buffers);
  try {
    const first = await pieces.next();
    reply.hijack();
    reply.raw.writeHead(reply.statusCode, reply.getHeaders() as Record<string, string>);
    await writeAll(client, pieces, first);
    if (!client.left.aborted) reply.raw.end();
  } catch (thrown) {
    if (client.left.aborted) return;
    if (!reply.sent) throw thrown;
    const error = toSlipwayError(thrown);
    noteForLog(request, { code: error.code, reason: error.message });
    request.raw.socket.destroy();
  } finally {
    object.close();
  }
}

async function writeAll(client: ClientConnection, pieces: Pieces, first: BodyPiece): Promise<void> {
  let piece: BodyPiece | undefined = first;
  while (piece) {
    const written = client.write(piece.bytes);
    // With a small buffer there is a crowd: nobody holds two of them.
    const ahead: Promise<BodyPiece> | undefined = pieces.isAtEnd || !piece.isLarge ? undefined : pieces.next();
    // Whatever fails is met below, after the write.
    ahead?.catch(() => undefined);
    await written;
    pieces.release(piece);
    if (client.left.aborted) {
      await ahead?.then((unsent) => pieces.release(unsent));
      return;
    }
    piece = pieces.isAtEnd && !ahead ? undefined : await (ahead ?? pieces.next());
  }
}

interface BodyPiece {
  readonly buffer: Buffer;
  readonly bytes: Buffer;
  readonly isLarge: boolean;
}

/** The object in pieces, each in a buffer that its user releases. */
class Pieces {
  readonly #object: OpenObject;
  readonly #buffers: SendBuffers;
  #unread: number;
  #size: 'large' | 'small' = 'large';

  constructor(object: OpenObject, buffers: SendBuffers) {
    this.#object = object;
    this.#buffers = buffers;
    this.#unread = object.length;
  }

  get isAtEnd(): boolean {
    return this.#unread === 0;
  }

  async next(): Promise<BodyPiece> {
    const buffer = this.#buffers.take(this.#size);
    try {
      const count = await this.#object.read(buffer);
      if (count === 0) {
        throw new SlipwayError('store-unreachable', `the store ended ${this.#unread} bytes before the object did`);
      }
      this.#unread -= count;
      // What gives little at a time, as a network does, needs no large one.
      if (count * 2 < buffer.length) this.#size = 'small';
      return { buffer, bytes: buffer.subarray(0, count), isLarge: this.#buffers.isLarge(buffer) };
    } catch (error) {
      this.#buffers.give(buffer);
      throw error;
    }
  }

  release({ buffer }: BodyPiece): void {
    this.#buffers.give(buffer);
  }
}
