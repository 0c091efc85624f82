/** How fast one file is sent, whole and in ranges, beside nginx on the same file in the same run: they take turns. */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { freePort } from '../../services/free-port.ts';
import { startNginx } from '../../services/nginx.ts';
import { distributor, Listening } from './listening.ts';
import { load } from './load.ts';
import { cpuSecondsOf } from './process-cost.ts';
import type { StoreOnDisk } from './store-on-disk.ts';

export interface BlobRate {
  readonly transport: 'plain' | 'TLS';
  readonly kind: 'whole' | '1 MiB ranges';
  readonly connections: number;
  /** Medians of the rounds. */
  readonly own: Speed;
  readonly nginx: Speed;
  /** Medians of the ratios of each round, which the load of the machine touches less. */
  readonly speedRatio: number;
  readonly cpuRatio: number;
  readonly failed: number;
}

interface Speed {
  readonly bytesPerSecond: number;
  readonly cpuSecondsPerGigabyte: number;
}

interface Peer {
  readonly pid: number;
  readonly url: string;
}

const rangeBytes = 1024 * 1024;
const connectionCounts = [1, 16, 64];
const kinds = ['whole', '1 MiB ranges'] as const;

export async function measureBlobs(store: StoreOnDisk, seconds: number, rounds: number): Promise<BlobRate[]> {
  const rates: BlobRate[] = [];
  for (const transport of ['plain', 'TLS'] as const) {
    await using own = await startOwn(store, transport);
    const port = await freePort();
    const nginx = await startNginx(
      path.join(store.folder, `nginx-${transport}`),
      nginxServer(store, transport, port),
      port,
    );
    const scheme = transport === 'TLS' ? 'https' : 'http';
    const peers = {
      own: { pid: own.pid, url: `${own.url}/v1/blobs/sha256/${store.digest}` },
      nginx: { pid: nginx.pid, url: `${scheme}://127.0.0.1:${port}/${store.key}` },
    };
    for (const kind of kinds) {
      for (const connections of connectionCounts) {
        const measured = await measureBoth(peers, { length: store.length, kind, connections, seconds }, rounds);
        rates.push({ transport, kind, connections, ...measured });
      }
    }
    await nginx.stop();
  }
  return rates;
}

export function startOwn(store: StoreOnDisk, transport: BlobRate['transport'] = 'plain'): Promise<Listening> {
  const at = (name: string) => path.join(store.folder, name);
  for (const name of ['rollouts', 'state']) mkdirSync(at(name), { recursive: true });
  return Listening.start(
    [
      ...[distributor, 'serve', '--store', at('store'), '--rollouts', at('rollouts'), '--state', at('state')],
      ...['--listen', '127.0.0.1:0', '--json'],
      ...(transport === 'TLS' ? ['--tls-cert', store.cert, '--tls-key', store.certKey] : []),
    ],
    at('distributor.log'),
  );
}

/** As Debian's nginx.conf has it. */
function nginxServer({ folder, cert, certKey }: StoreOnDisk, transport: BlobRate['transport'], port: number): string {
  const tls = transport === 'TLS' ? `ssl_certificate ${cert}; ssl_certificate_key ${certKey};` : '';
  return `sendfile on; tcp_nopush on; types_hash_max_size 2048; default_type application/octet-stream;
    server { listen 127.0.0.1:${port}${tls === '' ? '' : ' ssl'}; root ${folder}/store; ${tls} }`;
}

interface Case {
  readonly length: number;
  readonly kind: BlobRate['kind'];
  readonly connections: number;
  readonly seconds: number;
}

async function measureBoth(peers: { readonly own: Peer; readonly nginx: Peer }, one: Case, rounds: number) {
  const pairs: { own: Speed & { failed: number }; nginx: Speed & { failed: number } }[] = [];
  for (let round = 0; round < rounds; round++) {
    // Who begins changes: what goes on beside has no favourite.
    if (round % 2 === 0) {
      const nginx = await measureOne(peers.nginx, one);
      pairs.push({ nginx, own: await measureOne(peers.own, one) });
    } else {
      const own = await measureOne(peers.own, one);
      pairs.push({ own, nginx: await measureOne(peers.nginx, one) });
    }
  }
  const middle = (pick: (pair: (typeof pairs)[number]) => number) => median(pairs.map(pick));
  const speedOf = (who: 'own' | 'nginx') => ({
    bytesPerSecond: middle((pair) => pair[who].bytesPerSecond),
    cpuSecondsPerGigabyte: middle((pair) => pair[who].cpuSecondsPerGigabyte),
  });
  return {
    own: speedOf('own'),
    nginx: speedOf('nginx'),
    speedRatio: middle(({ own, nginx }) => own.bytesPerSecond / nginx.bytesPerSecond),
    cpuRatio: middle(({ own, nginx }) => own.cpuSecondsPerGigabyte / nginx.cpuSecondsPerGigabyte),
    failed: pairs.reduce((sum, { own, nginx }) => sum + own.failed + nginx.failed, 0),
  };
}

async function measureOne({ pid, url }: Peer, { length, kind, connections, seconds }: Case) {
  const words = kind === 'whole' ? ['whole'] : ['ranges', String(length), String(rangeBytes)];
  const before = cpuSecondsOf(pid);
  const result = await load({ url, connections, seconds, words });
  const cpuSeconds = cpuSecondsOf(pid) - before;
  return {
    bytesPerSecond: result.bytes / result.seconds,
    cpuSecondsPerGigabyte: cpuSeconds / (result.bytes / 1e9),
    failed: result.failed,
  };
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
