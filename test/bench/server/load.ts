/** The load, by wrk: a process of its own in C, so that a bench measures the server and not who asks it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

export interface LoadResult {
  readonly bytes: number;
  readonly seconds: number;
  readonly perSecond: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** Answers other than 2xx, time-outs and broken connections. */
  readonly failed: number;
}

export interface Load {
  readonly url: string;
  readonly connections: number;
  readonly seconds: number;
  /** See load.lua. */
  readonly words: readonly string[];
}

const script = path.join(import.meta.dirname, 'load.lua');

/** @throws Error when wrk fails */
export async function load({ url, connections, seconds, words }: Load): Promise<LoadResult> {
  const options = ['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '30s', '-s', script];
  const child = spawn('wrk', [...options, url, '--', ...words], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (piece: string) => {
    text += piece;
  });
  const [status] = await once(child, 'close');
  const line = text.trimEnd().split('\n').at(-1) ?? '';
  if (status !== 0 || !line.startsWith('{')) throw new Error(`wrk ended with ${status}: ${text.slice(-500)}`);
  const found = JSON.parse(line) as Record<'bytes' | 'requests' | 'microseconds' | 'failed' | 'p50' | 'p99', number>;
  const took = found.microseconds / 1e6;
  return {
    ...{ bytes: found.bytes, seconds: took, perSecond: found.requests / took, failed: found.failed },
    ...{ p50: found.p50 / 1000, p99: found.p99 / 1000 },
  };
}
