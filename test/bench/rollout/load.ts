/**
 * The load of the bench as a process of its own, so that it does not share a core with the server that it asks: every
 * connection checks in for its own part of the fleet, one device after the other.
 *
 * Usage: load.ts URL TOKENS CONNECTIONS SECONDS [RATE]; prints one JSON document.
 * TOKENS: lines of `id token`. RATE: checks a second in all; as many as the server answers where it is left out.
 */
import { readFileSync } from 'node:fs';
import autocannon from 'autocannon';
import { checkOf } from './fleet-on-disk.ts';

export interface LoadResult {
  readonly perSecond: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** Answers other than 2xx, time-outs and broken connections. */
  readonly failed: number;
}

const [url = '', tokens = '', connections = '64', seconds = '10', rate] = process.argv.slice(2);
const requests = readFileSync(tokens, 'utf8')
  .split('\n')
  .map((line, index): autocannon.Request => {
    const [id, token] = line.split(' ');
    return {
      method: 'POST',
      path: `/v1/devices/${id}/check`,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(checkOf(index)),
    };
  });
const share = Math.ceil(requests.length / Number(connections));
let taken = 0;
const result = await autocannon({
  url,
  connections: Number(connections),
  duration: Number(seconds),
  ...(rate === undefined ? {} : { overallRate: Number(rate) }),
  setupClient: (client) => {
    client.setRequests(requests.slice(taken * share, (taken + 1) * share));
    taken++;
  },
});
const found: LoadResult = {
  perSecond: result.requests.total / result.duration,
  p50: result.latency.p50,
  p99: result.latency.p99,
  failed: result.non2xx + result.errors + result.timeouts,
};
process.stdout.write(`${JSON.stringify(found)}\n`);
