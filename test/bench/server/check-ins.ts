/** Check-ins over HTTP: the distributor as it is shipped, with its log, and a bare route in turn with it. */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { checkOf, type FleetOnDisk } from '../rollout/fleet-on-disk.ts';
import { distributor, Listening } from './listening.ts';
import { type LoadResult, load } from './load.ts';

export interface CheckInRates {
  readonly devices: number;
  /** At the highest rate that the server answers; the better of the rounds of each. */
  readonly server: LoadResult;
  readonly bare: LoadResult;
  /** At about half of the server's rate. */
  readonly half: LoadResult;
  /** server / bare, the better of the rounds. */
  readonly ratio: number;
}

const connections = 128;

/** @param seconds of each measurement; the two servers take turns, `rounds` times */
export async function measureCheckIns(
  fleet: FleetOnDisk,
  devices: number,
  seconds: number,
  rounds: number,
): Promise<CheckInRates> {
  const folder = path.dirname(fleet.tokens);
  const log = path.join(folder, 'distributor.log');
  const checks = new CheckLoad(fleet);
  await using server = await Listening.start(
    [
      ...[distributor, 'serve', '--store', fleet.store, '--rollouts', fleet.rollouts, '--state', fleet.state],
      ...['--listen', '127.0.0.1:0', '--json', '--check-limit', '100000'],
    ],
    log,
  );
  await using bare = await Listening.start([path.join(import.meta.dirname, 'bare-server.ts')], log);
  await checks.run(server.url, 2);
  const serverRounds: LoadResult[] = [];
  const bareRounds: LoadResult[] = [];
  for (let round = 0; round < rounds; round++) {
    bareRounds.push(await checks.run(bare.url, seconds));
    serverRounds.push(await checks.run(server.url, seconds));
  }
  const [top, bareTop] = [best(serverRounds), best(bareRounds)];
  const half = await checks.run(server.url, seconds, top.perSecond / 2);
  return { devices, server: top, bare: bareTop, half, ratio: top.perSecond / bareTop.perSecond };
}

export function best(results: readonly LoadResult[]): LoadResult {
  return results.reduce((a, b) => (b.perSecond > a.perSecond ? b : a));
}

/** The checks of a fleet's devices over and over; what each sends is written once, beside its tokens. */
export class CheckLoad {
  readonly #questions: string;

  constructor(fleet: FleetOnDisk) {
    this.#questions = path.join(path.dirname(fleet.tokens), 'questions');
    writeFileSync(this.#questions, questionsOf(fleet));
  }

  /** @param rate about how many checks a second; undefined for as many as are answered */
  run(url: string, seconds: number, rate?: number): Promise<LoadResult> {
    const wait = rate === undefined ? [] : [String(Math.round((connections / rate) * 1000))];
    return load({ url, connections, seconds, words: ['checks', this.#questions, ...wait] });
  }
}

/** What each device sends, a line each; see load.lua. */
function questionsOf({ tokens }: FleetOnDisk): string {
  const lines = readFileSync(tokens, 'utf8').split('\n');
  return lines
    .map((line, index) => {
      const [id, token] = line.split(' ');
      return `/v1/devices/${id}/check\t${token}\t${JSON.stringify(checkOf(index))}`;
    })
    .join('\n');
}
