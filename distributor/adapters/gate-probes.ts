/**
 * Asks the user's checks of a gate: a Prometheus instant query (HTTP API `/api/v1/query`) and an HTTP status. Bounded
 * in time and bytes; a redirect is no answer, so nobody is led to another host. What cannot be asked is `unknown`.
 */
import { type Agent, ProxyAgent, request } from 'undici';
import * as z from 'zod';
import { agentByOrigin } from '../../system/network/agent-by-origin.ts';
import { noProxyRule, type ProxyRule } from '../../system/network/proxy.ts';
import type { ComparisonOperator, GateCheck } from '../declaration/gate.ts';
import type { GateProbe, GateResult } from '../rollout/campaigns/gates.ts';

export interface GateProbeOptions {
  /** For connecting, for the head of the answer and for each piece of its body. */
  readonly timeoutMs?: number;
  readonly maxAnswerBytes?: number;
  readonly proxies?: ProxyRule;
}

const defaultTimeoutMs = 5000;
const defaultMaxAnswerBytes = 1024 * 1024;

/** What a check found, without its name and time. */
type GateFinding = Pick<GateResult, 'verdict' | 'detail'>;

export function gateProbes(options: GateProbeOptions = {}): GateProbe & { close(): Promise<void> } {
  const { timeoutMs = defaultTimeoutMs, maxAnswerBytes = defaultMaxAnswerBytes, proxies = noProxyRule } = options;
  const bounds = { headersTimeout: timeoutMs, bodyTimeout: timeoutMs, maxResponseSize: maxAnswerBytes };
  const agent = agentByOrigin(
    proxies,
    { ...bounds, connect: { timeout: timeoutMs } },
    (proxy) => new ProxyAgent({ ...bounds, uri: proxy.url.href, proxyTunnel: true, connectTimeout: timeoutMs }),
  );
  const ask = async (check: GateCheck, now: number): Promise<GateResult> => {
    // The whole of it, too: an answer that trickles is none.
    const signal = AbortSignal.timeout(2 * timeoutMs);
    const finding = await find(check, agent, signal).catch((cause) => unknown(whyOf(cause)));
    return { name: check.name, ...finding, askedAt: now };
  };
  return { ask, close: () => agent.close() };
}

function find(check: GateCheck, agent: Agent, signal: AbortSignal): Promise<GateFinding> {
  return 'http' in check ? askHttp(check.http, agent, signal) : askPrometheus(check.prometheus, agent, signal);
}

async function askHttp(
  { url, status }: Extract<GateCheck, { http: unknown }>['http'],
  agent: Agent,
  signal: AbortSignal,
): Promise<GateFinding> {
  const answer = await request(url, { dispatcher: agent, signal });
  // Only the status counts: nobody waits for the body.
  answer.body.on('error', () => undefined).destroy();
  const detail = `${answer.statusCode} where ${status} is expected.`;
  return { verdict: answer.statusCode === status ? 'passed' : 'failed', detail };
}

const sampleSchema = z.tuple([z.number(), z.string()]);
const queryAnswerSchema = z.object({
  status: z.literal('success'),
  data: z.discriminatedUnion('resultType', [
    z.object({ resultType: z.literal('vector'), result: z.array(z.object({ value: sampleSchema })) }),
    z.object({ resultType: z.literal('scalar'), result: sampleSchema }),
  ]),
});

async function askPrometheus(
  { url, query, op, value }: Extract<GateCheck, { prometheus: unknown }>['prometheus'],
  agent: Agent,
  signal: AbortSignal,
): Promise<GateFinding> {
  const address = queryAddress(url, query);
  const answer = await request(address, { dispatcher: agent, signal, headers: { accept: 'application/json' } });
  const text = await answer.body.text();
  if (answer.statusCode !== 200) return unknown(`Prometheus answers ${answer.statusCode}`);
  const parsed = queryAnswerSchema.safeParse(parseJson(text));
  if (!parsed.success) return unknown('the answer is not that of an instant query with a vector or a scalar');
  const { data } = parsed.data;
  const samples = data.resultType === 'scalar' ? [data.result] : data.result.map((series) => series.value);
  if (samples.length === 0) return unknown('the query has no result');
  const numbers = samples.map(([, text]) => Number(text));
  const offending = numbers.find((number) => !compare(number, op, value));
  if (offending === undefined)
    return { verdict: 'passed', detail: `${numbers.join(', ').slice(0, 200)} ${op} ${value}.` };
  return { verdict: 'failed', detail: `${offending} where ${op} ${value} is expected.` };
}

/** Below the path of the server's own URL, as behind a proxy. */
function queryAddress(url: string, query: string): URL {
  const address = new URL(url);
  address.pathname = `${address.pathname.replace(/\/+$/, '')}/api/v1/query`;
  address.searchParams.set('query', query);
  return address;
}

/** NaN passes nothing, not even `!=`: it says that there is no number. */
function compare(found: number, op: ComparisonOperator, value: number): boolean {
  if (Number.isNaN(found)) return false;
  switch (op) {
    case '<':
      return found < value;
    case '<=':
      return found <= value;
    case '>':
      return found > value;
    case '>=':
      return found >= value;
    case '==':
      return found === value;
    case '!=':
      return found !== value;
    default:
      return op satisfies never;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function unknown(why: string): GateFinding {
  return { verdict: 'unknown', detail: `Cannot be asked: ${why}.` };
}

function whyOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  const { code } = cause as NodeJS.ErrnoException;
  return code ?? cause.message;
}
