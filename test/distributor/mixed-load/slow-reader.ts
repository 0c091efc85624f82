/** A client that takes a blob in sips over one connection, and begins again with a new one when that ends. */
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

const sipEveryMs = 500;
const lifeMs = 120_000;

/** @param target such as `/v1/blobs/sha256/…` */
export async function readSlowly(server: () => string, target: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const { hostname, port } = new URL(server());
    const socket = connect({ host: hostname, port: Number(port) }).on('error', () => undefined);
    socket.write(`GET ${target} HTTP/1.1\r\nhost: ${hostname}\r\n\r\n`);
    socket.pause();
    const ends = Date.now() + lifeMs * (0.5 + Math.random());
    while (!signal.aborted && !socket.closed && Date.now() < ends) {
      socket.read(4096);
      await pause(sipEveryMs);
    }
    socket.destroy();
  }
}
