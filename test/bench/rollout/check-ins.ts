/** Check-ins over HTTP: the built distributor on one core, the load on another, a bare route in turn with it. */
import { execFileSync, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { FleetOnDisk } from './fleet-on-disk.ts';
import type { LoadResult } from './load.ts';

export interface CheckInRates {
  readonly devices: number;
  /** At the highest rate that the server answers; the better of the rounds of each. */
  readonly server: LoadResult;
  readonly bare: LoadResult;
  /** At half of the server's rate. */
  readonly half: LoadResult;
  /** server / bare, the better of the rounds. */
  readonly ratio: number;
}

const here = import.meta.dirname;
export const program = path.join(here, '../../../dist/slipway-distributor.mjs');
const connections = '128';
const serverCore = '0';
const loadCore = '1';

/** @param seconds of each measurement; the two servers take turns, `rounds` times */
export async function measureCheckIns(
  fleet: FleetOnDisk,
  devices: number,
  seconds: number,
  rounds: number,
): Promise<CheckInRates> {
  await using server = await Listening.start([
    ...[program, 'serve', '--store', fleet.store, '--rollouts', fleet.rollouts, '--state', fleet.state],
    ...['--listen', '127.0.0.1:0', '--json', '--log-level', 'warn', '--check-limit', '100000'],
  ]);
  await using bare = await Listening.start([path.join(here, 'bare-server.ts')]);
  await load(server.url, fleet.tokens, 2);
  const serverRounds: LoadResult[] = [];
  const bareRounds: LoadResult[] = [];
  for (let round = 0; round < rounds; round++) {
    bareRounds.push(await load(bare.url, fleet.tokens, seconds));
    serverRounds.push(await load(server.url, fleet.tokens, seconds));
  }
  const best = (results: readonly LoadResult[]) => results.reduce((a, b) => (b.perSecond > a.perSecond ? b : a));
  const [top, bareTop] = [best(serverRounds), best(bareRounds)];
  const half = await load(server.url, fleet.tokens, seconds, Math.floor(top.perSecond / 2));
  return { devices, server: top, bare: bareTop, half, ratio: top.perSecond / bareTop.perSecond };
}

/** @param rate checks a second; undefined for as many as are answered */
export async function load(url: string, tokens: string, seconds: number, rate?: number): Promise<LoadResult> {
  const more = rate === undefined ? [] : [String(rate)];
  const child = start(loadCore, [path.join(here, 'load.ts'), url, tokens, connections, String(seconds), ...more]);
  let text = '';
  child.stdout?.setEncoding('utf8').on('data', (piece: string) => {
    text += piece;
  });
  const [status] = await once(child, 'close');
  if (status !== 0) throw new Error(`the load ended with ${status}`);
  return JSON.parse(text) as LoadResult;
}

/** A server process that has said where it listens. */
export class Listening {
  readonly url: string;
  readonly #child: ReturnType<typeof start>;

  private constructor(url: string, child: ReturnType<typeof start>) {
    this.url = url;
    this.#child = child;
  }

  static async start(words: readonly string[]): Promise<Listening> {
    const child = start(serverCore, words);
    const lines = createInterface(child.stdout ?? process.stdin);
    const [line] = await Promise.race([
      once(lines, 'line'),
      once(child, 'exit').then(([status]) => {
        throw new Error(`${words[0]} ended with ${status} before it listened`);
      }),
    ]);
    return new Listening((JSON.parse(String(line)) as { listening: string }).listening, child);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    await ended;
  }
}

/** Pinned to one core where the machine has taskset. */
function start(core: string, words: readonly string[]) {
  const options: SpawnOptions = { stdio: ['ignore', 'pipe', 'inherit'] };
  if (!hasTaskset()) return spawn(process.execPath, words, options);
  return spawn('taskset', ['-c', core, process.execPath, ...words], options);
}

function hasTaskset(): boolean {
  try {
    execFileSync('taskset', ['-c', serverCore, 'true'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
