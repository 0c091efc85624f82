/**
 * Watches the connection of one answer for the sender of a long body: what it takes, and whether the client is still
 * there.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';

export class ClientConnection {
  readonly #reply: FastifyReply['raw'];
  readonly #socket: FastifyRequest['raw']['socket'];
  readonly #left = new AbortController();
  #onLeft: () => void = () => undefined;

  constructor(request: FastifyRequest, reply: FastifyReply) {
    this.#reply = reply.raw;
    this.#socket = request.raw.socket;
    // Of the connection, not of the answer: one that waits behind others on its connection is never told.
    this.#socket.once('close', this.#leave);
    if (this.#socket.destroyed) this.#leave();
  }

  /** Aborted when the client is gone. */
  get left(): AbortSignal {
    return this.#left.signal;
  }

  /**
   * Resolves when nobody needs the bytes any more: the system took them, or the client left. Await it before the next.
   */
  write(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      if (this.left.aborted) return resolve();
      this.#onLeft = resolve;
      this.#reply.write(bytes, () => resolve());
    });
  }

  /** Call it once, at the end. */
  release(): void {
    this.#socket.off('close', this.#leave);
  }

  readonly #leave = (): void => {
    this.#left.abort();
    this.#onLeft();
  };
}
