/**
 * Stands in for a mobile link by a TCP relay on loopback: it limits the rate towards the device, counts the bytes, and
 * cuts every connection when told.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { Transform } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';

export class FlakyLink {
  /** Bytes that went to the device, HTTP headers included. */
  bytesToDevice = 0;
  /** Bytes a second towards the device; Infinity for a fast link. */
  bytesPerSecond = Number.POSITIVE_INFINITY;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
  }

  /** Listens on a free loopback port and relays to `port`. */
  static async to(port: number): Promise<FlakyLink> {
    const server = createServer();
    const link = new FlakyLink(server);
    server.on('connection', (device) => link.#relay(device, connect(port, '127.0.0.1')));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return link;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Breaks every open connection with a reset, as a lost radio cell does. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  close(): void {
    this.cut();
    this.#server.close();
  }

  #relay(device: Socket, upstream: Socket): void {
    for (const socket of [device, upstream]) {
      this.#sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => {
        this.#sockets.delete(socket);
        device.destroy();
        upstream.destroy();
      });
    }
    const link = this;
    const pace = new Transform({
      async transform(chunk: Buffer, _encoding, done) {
        // Small pieces keep the pace even; a large chunk would arrive at once after a long silence.
        const pieceBytes = 2 * 1024;
        for (let at = 0; at < chunk.length; at += pieceBytes) {
          const piece = chunk.subarray(at, at + pieceBytes);
          if (Number.isFinite(link.bytesPerSecond)) await delay((piece.length / link.bytesPerSecond) * 1000);
          link.bytesToDevice += piece.length;
          this.push(piece);
        }
        done();
      },
    });
    device.pipe(upstream);
    upstream.pipe(pace).pipe(device);
    pace.on('error', () => device.destroy());
  }
}
