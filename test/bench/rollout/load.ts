/**
 * The load of the bench as a process of its own, so that it does not share a core with the server that it asks: devices
 * check in one after the other, each with its own token.
 *
 * Usage: load.ts URL TOKENS CONNECTIONS SECONDS [RATE]; prints one JSON document.
 * TOKENS: lines of `id token`. Without RATE every connection asks again as soon as it is answered: the highest rate.
 * With RATE, checks a second, each is due at its time whatever became of the others, as with devices that know nothing of
 * each other, and its latency counts from when it was due.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import autocannon from 'autocannon';
import { Pool } from 'undici';
import { checkOf } from './fleet-on-disk.ts';

export interface LoadResult {
  readonly perSecond: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** Answers other than 2xx, time-outs and broken connections. */
  readonly failed: number;
}

interface Question {
  readonly method: 'POST';
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: string;
}

const [url = '', tokens = '', connections = '64', seconds = '10', rate] = process.argv.slice(2);
const questions = readFileSync(tokens, 'utf8')
  .split('\n')
  .map((line, index): Question => {
    const [id, token] = line.split(' ');
    return {
      method: 'POST',
      path: `/v1/devices/${id}/check`,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(checkOf(index)),
    };
  });
const found = rate === undefined ? await asManyAsAnswered() : await atRate(Number(rate));
process.stdout.write(`${JSON.stringify(found)}\n`);

async function asManyAsAnswered(): Promise<LoadResult> {
  const share = Math.ceil(questions.length / Number(connections));
  let taken = 0;
  const result = await autocannon({
    url,
    connections: Number(connections),
    duration: Number(seconds),
    setupClient: (client) => {
      client.setRequests(questions.slice(taken * share, (taken + 1) * share));
      taken++;
    },
  });
  return {
    perSecond: result.requests.total / result.duration,
    p50: result.latency.p50,
    p99: result.latency.p99,
    failed: result.non2xx + result.errors + result.timeouts,
  };
}

async function atRate(perSecond: number): Promise<LoadResult> {
  const pool = new Pool(url, { connections: Number(connections) });
  const latencies: number[] = [];
  let failed = 0;
  const ask = async (question: Question, dueAt: number) => {
    try {
      const { statusCode, body } = await pool.request(question);
      await body.dump();
      if (statusCode >= 300) failed++;
      latencies.push(performance.now() - dueAt);
    } catch {
      failed++;
    }
  };
  const asked: Promise<void>[] = [];
  const start = performance.now();
  const count = perSecond * Number(seconds);
  while (asked.length < count) {
    const due = Math.min(count, Math.floor(((performance.now() - start) * perSecond) / 1000));
    while (asked.length < due) {
      const question = questions[asked.length % questions.length] as Question;
      asked.push(ask(question, start + (asked.length * 1000) / perSecond));
    }
    await pause(1);
  }
  await Promise.all(asked);
  await pool.close();
  latencies.sort((a, b) => a - b);
  const percentile = (share: number) => Math.round(latencies[Math.floor(share * (latencies.length - 1))] ?? 0);
  return {
    perSecond: latencies.length / ((performance.now() - start) / 1000),
    p50: percentile(0.5),
    p99: percentile(0.99),
    failed,
  };
}
