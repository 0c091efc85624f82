/** A server, or something before it, that lets a byte of an answer go now and then, over real HTTP. */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect, it } from 'vitest';
import { HttpServer } from '../../../../edge-updater/adapters/network/http-server.ts';
import { never } from '../../../fakes/edge-device.ts';

const head = 'HTTP/1.1 200 OK\r\ncontent-length: 60000\r\n';

it.each([
  ['the head', head],
  ['the body', `${head}\r\n`],
])(
  'of a document, byte by byte in %s, holds no device',
  async (_, begin) => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.write(begin);
      const timer = setInterval(() => socket.write('x'), 20);
      socket.on('close', () => clearInterval(timer));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const device = new HttpServer({
      ...{ server: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, deviceId: 'd', userAgent: 'test' },
      ...{ caFile: undefined, developmentAllowHttp: true, stallSeconds: 1 },
      leastRate: { bytesPerSecond: 1000, windowSeconds: 0.5 },
      token: async () => 'token',
    });
    try {
      await expect(device.metadata('timestamp.json', 60_000, never)).rejects.toMatchObject({
        code: 'download-stalled',
      });
    } finally {
      await device.close();
      server.close();
    }
  },
  20_000,
);
