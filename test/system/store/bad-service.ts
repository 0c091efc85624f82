/** A service on loopback that a store should not have: it is silent, does not end, refuses or breaks off. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { pipeline, Readable } from 'node:stream';

export type Behaviour = (request: IncomingMessage, response: ServerResponse, service: BadService) => void;

const chunk = Buffer.alloc(256 * 1024, 'x');

export class BadService {
  /** Requests that came. */
  asked = 0;
  /** Bytes of bodies that a reader let it send. */
  sent = 0;
  readonly #sockets = new Set<Socket>();
  readonly #server;

  private constructor(behave: Behaviour) {
    this.#server = createServer((request, response) => {
      this.asked += 1;
      request.on('error', () => undefined).resume();
      response.on('error', () => undefined);
      behave(request, response, this);
    });
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket.on('error', () => undefined));
    });
  }

  static async open(behave: Behaviour): Promise<BadService> {
    const service = new BadService(behave);
    service.#server.listen(0, '127.0.0.1');
    await once(service.#server, 'listening');
    return service;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Sends a body of no said length, as fast as it is read, and stops at `bytes` at last. */
  pour(response: ServerResponse, bytes: number): void {
    pipeline(Readable.from(this.#flood(bytes), { objectMode: false }), response, () => undefined);
  }

  *#flood(bytes: number): Generator<Buffer> {
    for (let left = bytes; left > 0; left -= chunk.length) {
      this.sent += chunk.length;
      yield chunk;
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    return new Promise((done) => this.#server.close(() => done()));
  }
}
