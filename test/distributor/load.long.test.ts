/** The bounds of contract/limits.ts held against a server as its own process: connections, slow readers, drips, plans. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { limits } from '../../contract/limits.ts';
import { blobKey } from '../../contract/store-keys.ts';
import { type Served, serve, serveWithin } from '../fakes/served.ts';
import { programFile } from '../services/program-files.ts';
import { hostileYaml } from '../system/documents/hostile-yaml.ts';

const program = programFile('distributor');
const patienceMs = 600_000;
/** How long an answer to `/healthz` may take on a machine that does other work, too. */
const maxHealthMs = 1500;

let folder: string;
let served: Served | undefined;
let sockets: Socket[] = [];
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'load-'));
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  sockets = [];
  served?.process.kill('SIGKILL');
  served = undefined;
  await rm(folder, { recursive: true, force: true });
});

/** A connection that takes what comes, and tells when the other end closed it. */
function open(port: number, said = ''): Socket {
  const socket = connect({ port, host: '127.0.0.1' }).on('error', () => undefined);
  if (said !== '') socket.write(said);
  sockets.push(socket);
  return socket;
}

async function healthMs(url: string): Promise<number> {
  const before = performance.now();
  const answer = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(30_000) });
  await answer.arrayBuffer();
  expect(answer.status).toBe(200);
  return performance.now() - before;
}

/** The longest answer while something goes on. */
async function healthWhile(url: string, work: Promise<unknown>): Promise<number> {
  let isDone = false;
  let longest = 0;
  const done = work.finally(() => {
    isDone = true;
  });
  done.catch(() => undefined);
  while (!isDone) {
    longest = Math.max(longest, await healthMs(url));
    await pause(50);
  }
  await done;
  return longest;
}

async function storeBlob(length: number): Promise<string> {
  const bytes = Buffer.alloc(length, 'slipway');
  const digest = createHash('sha256').update(bytes).digest('hex');
  const file = path.join(folder, 'store', blobKey(digest as never));
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, bytes);
  return digest;
}

describe('more connections than the process may open files', () => {
  it.each([64, 256])(
    'with %i of them, the server lives, answers who is there, and takes new ones afterwards',
    async (descriptors) => {
      const running = await serveWithin(descriptors, folder);
      served = running;
      const kept = open(running.port);
      await once(kept, 'connect');
      const many = Array.from({ length: 2 * descriptors }, () => open(running.port));
      // Longer than any timer that samples something.
      for (let second = 0; second < 8; second++) {
        await pause(1000);
        expect(running.process.exitCode).toBeNull();
        // It has to open a file to know that there is none.
        kept.write('GET /v1/metadata/timestamp.json HTTP/1.1\r\nhost: a\r\n\r\n');
        expect(String(await once(kept, 'data'))).toContain('HTTP/1.1 404');
      }
      expect(many.filter((socket) => socket.closed).length).toBeGreaterThan(descriptors);
      for (const socket of [kept, ...many]) socket.destroy();
      await pause(1000);
      expect(await healthMs(running.url)).toBeLessThan(30_000);
      expect((await fetch(`${running.url}/metrics`)).status).toBe(200);
      expect(await running.end('SIGTERM')).toBe(0);
    },
    patienceMs,
  );

  it(
    'idle ones make room for who comes',
    async () => {
      const running = await serveWithin(64, folder);
      served = running;
      const ask = 'GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n';
      for (let i = 0; i < 24; i++) await once(open(running.port, ask), 'data');
      const statuses: number[] = [];
      for (let trial = 0; trial < 3; trial++) {
        statuses.push(
          await fetch(`${running.url}/healthz`).then(
            ({ status }) => status,
            () => 0,
          ),
        );
      }
      expect(statuses).toContain(200);
    },
    patienceMs,
  );
});

describe('who drips', () => {
  const end = async (socket: Socket, drop: string): Promise<number> => {
    const before = performance.now();
    const drip = setInterval(() => socket.write(drop), 500);
    socket.resume();
    await once(socket, 'close');
    clearInterval(drip);
    return performance.now() - before;
  };

  it(
    'a head, a body or nothing at all is ended when the stated time is over',
    async () => {
      const running = await serve(folder);
      served = running;
      const post = 'POST /v1/devices/a/check HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n';
      const [head, body, silent] = await Promise.all([
        end(open(running.port, 'GET /healthz HTTP/1.1\r\nx: '), 'a'),
        end(open(running.port, `${post}content-length: 60000\r\n\r\n{`), ' '),
        end(open(running.port), ''),
      ]);
      const slackMs = 4000;
      for (const [took, bound] of [
        [head, limits.maxRequestHeadMs],
        [silent, limits.maxRequestHeadMs],
        [body, limits.maxRequestMs],
      ] as const) {
        expect(took).toBeGreaterThan(bound - slackMs);
        expect(took).toBeLessThan(bound + slackMs);
      }
    },
    patienceMs,
  );
});

describe.each([500, 1000])('%i downloads that begin at once and are read by nobody', (crowdSize) => {
  it(
    'leave the server alive and within its memory, which a second such crowd uses again',
    async () => {
      const digest = await storeBlob(16 * 1024 * 1024);
      const running = await serve(folder, 0, '--log-level', 'silent');
      served = running;
      for (let i = 0; i < 50; i++) await healthMs(running.url);
      const ask = `GET /v1/blobs/sha256/${digest} HTTP/1.1\r\nhost: a\r\n\r\n`;
      const crowd = async () => {
        const readers = Array.from({ length: crowdSize }, () => open(running.port, ask).pause());
        const longest = await healthWhile(running.url, pause(15_000));
        const bytes = running.residentBytes();
        for (const reader of readers) reader.destroy();
        await healthWhile(running.url, pause(5000));
        return { longest, bytes };
      };
      const before = running.residentBytes();
      const [first, second] = [await crowd(), await crowd()];
      const after = running.residentBytes();
      const megabytes = (bytes: number) => Math.round(bytes / 1e6);
      process.stderr.write(
        `${crowdSize} slow readers: ${megabytes(before)} MB before, ${megabytes(first.bytes)} with them, ${megabytes(second.bytes)} ` +
          `with as many again, ${megabytes(after)} after; the longest answers of /healthz took ` +
          `${Math.round(first.longest)} and ${Math.round(second.longest)} ms\n`,
      );
      for (const { longest, bytes } of [first, second]) {
        expect(longest).toBeLessThan(maxHealthMs);
        expect(bytes - before).toBeLessThan(limits.maxSendBufferBytes + crowdSize * limits.maxSlowReaderBytes);
      }
    },
    patienceMs,
  );
});

describe('a plan by API that costs more than its length', () => {
  it(
    'is answered within its bound, and the server answers others meanwhile',
    async () => {
      const running = await serve(folder, 0, '--rollouts-api');
      served = running;
      const words = [
        'token',
        'create',
        '--purpose',
        'ci',
        '--scope',
        'rollouts:apply',
        '--state',
        path.join(folder, 'state'),
      ];
      const { stdout } = await promisify(execFile)(process.execPath, [program, ...words, '--json']);
      const { token } = JSON.parse(stdout) as { token: string };
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/yaml' };
      let longest = 0;
      for (const [name, textOf] of Object.entries(hostileYaml)) {
        const body = textOf(limits.maxDocumentBytes);
        const answer = async () => {
          const { status } = await fetch(`${running.url}/v1/plan`, { method: 'PUT', headers, body });
          expect([name, status === 200 || status === 400]).toEqual([name, true]);
        };
        const before = performance.now();
        longest = Math.max(longest, await healthWhile(running.url, answer()));
        expect(performance.now() - before, name).toBeLessThan(limits.maxPlanReadMs);
      }
      process.stderr.write(`while plans were read the longest answer of /healthz took ${Math.round(longest)} ms\n`);
      expect(longest).toBeLessThan(maxHealthMs);
    },
    patienceMs,
  );
});
