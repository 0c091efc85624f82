/** What a crowd of clients that ask for a blob and take nothing costs in memory, while it is there and afterwards. */
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { startOwn } from './blobs.ts';
import { load } from './load.ts';
import { residentBytes } from './process-cost.ts';
import type { StoreOnDisk } from './store-on-disk.ts';

export interface CrowdCost {
  readonly readers: number;
  /** Resident memory of the server; before is after it has served a second of fast downloads. */
  readonly beforeBytes: number;
  readonly duringBytes: number;
  /** While a second crowd of the same size is there. */
  readonly againBytes: number;
  readonly afterBytes: number;
  /** What another client gets of the blob meanwhile, of what it got before. */
  readonly speedRatio: number;
}

const settleMs = 5000;
const patienceMs = 60_000;

/** A server of its own for each size. */
export async function measureCrowd(store: StoreOnDisk, readers: number): Promise<CrowdCost> {
  await using server = await startOwn(store);
  const url = `${server.url}/v1/blobs/sha256/${store.digest}`;
  const fast = async () => (await load({ url, connections: 4, seconds: 2, words: ['whole'] })).bytes;
  await fast();
  const alone = await fast();
  const beforeBytes = residentBytes(server.pid);
  const first = await gather(server.url, store, readers);
  const duringBytes = residentBytes(server.pid);
  const beside = await fast();
  await first.leave();
  const second = await gather(server.url, store, readers);
  const againBytes = residentBytes(server.pid);
  await second.leave();
  return {
    readers,
    beforeBytes,
    duringBytes,
    againBytes,
    afterBytes: residentBytes(server.pid),
    speedRatio: beside / alone,
  };
}

async function gather(url: string, { digest }: StoreOnDisk, readers: number) {
  const port = Number(new URL(url).port);
  const sockets = Array.from({ length: readers }, (): Socket => {
    const socket = connect(port, '127.0.0.1').on('error', () => undefined);
    socket.write(`GET /v1/blobs/sha256/${digest} HTTP/1.1\r\nhost: a\r\n\r\n`);
    return socket.pause();
  });
  await untilUnderWay(url, readers);
  await pause(settleMs);
  return {
    leave: async () => {
      for (const socket of sockets) socket.destroy();
      await untilUnderWay(url, 0);
      await pause(settleMs);
    },
  };
}

async function untilUnderWay(url: string, count: number): Promise<void> {
  for (const deadline = Date.now() + patienceMs; Date.now() < deadline; await pause(100)) {
    const metrics = await (await fetch(`${url}/metrics`)).text();
    if (metrics.includes(`slipway_downloads ${count}\n`)) return;
  }
  throw new Error(`expected ${count} downloads under way`);
}
