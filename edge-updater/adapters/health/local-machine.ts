/**
 * Asks the API server with the box's own certificate, and what listens on this machine. Each question has a connection of
 * its own: a kept one could outlive the service that answered.
 */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { toSlipwayError } from '../../../contract/errors.ts';
import type { Answer, HealthMachine, Silence } from '../../health/health-machine.ts';
import type { Access, PemPlace } from '../../health/kubeconfig.ts';
import type { PreflightMachine } from '../../preflight/preflight-machine.ts';
import { Agent, request } from '../network/undici-parts.ts';

/** Of an answer; the pods of one node are below it by far. */
const maxAnswerBytes = 8 * 1024 * 1024;

/** @param timeoutSeconds for one question @param now milliseconds since 1970, for certificates */
export function localMachine(
  timeoutSeconds: number,
  monotonicSeconds: () => number,
  now: () => number = Date.now,
): HealthMachine & Pick<PreflightMachine, 'linesOfApi'> {
  const timeoutMs = Math.ceil(timeoutSeconds * 1000);
  return {
    monotonicSeconds,

    text(file) {
      try {
        return readFileSync(file, 'utf8');
      } catch {
        return undefined;
      }
    },

    async askApi({ server, ca, cert, key }, path, signal) {
      const own = credentials({ ca, cert, key }, now());
      if (typeof own === 'string') return silence('certificate', own);
      return ask(new URL(path, server), { ...own }, timeoutMs, signal);
    },

    async linesOfApi({ server, ca, cert, key }, path, beginning, signal) {
      const own = credentials({ ca, cert, key }, now());
      if (typeof own === 'string') return undefined;
      const lines = (body: AsyncIterable<Buffer>) => linesThatBegin(body, beginning);
      const answer = await ask(new URL(path, server), { ...own }, timeoutMs, signal, lines);
      return answer.kind === 'answer' && answer.status === 200 ? answer.body.split('\n') : undefined;
    },

    ask: (url, signal) => ask(new URL(url), {}, timeoutMs, signal),

    async isAnyReachable(addresses, signal) {
      const tries = addresses.slice(0, 8).map((address) => isReachable(address, timeoutMs, signal));
      return (await Promise.all(tries)).includes(true);
    },
  };
}

type Credentials = Record<'ca' | 'cert' | 'key', string>;

/** As texts, or what is wrong with them: an expired one would only be answered 401. */
function credentials(places: Pick<Access, 'ca' | 'cert' | 'key'>, now: number): Credentials | string {
  try {
    const [ca, cert, key] = [places.ca, places.cert, places.key].map(pemOf) as [string, string, string];
    for (const [pem, place] of [
      [ca, places.ca],
      [cert, places.cert],
    ] as const) {
      const { validTo } = new X509Certificate(pem);
      if (Date.parse(validTo) < now) return `the certificate ${nameOf(place)} ended on ${validTo}`;
    }
    return { ca, cert, key };
  } catch (thrown) {
    return `the certificates cannot be read: ${toSlipwayError(thrown).message}`;
  }
}

function pemOf(place: PemPlace): string {
  return 'pem' in place ? place.pem : readFileSync(place.file, 'utf8');
}

function nameOf(place: PemPlace): string {
  return 'pem' in place ? 'in its kubeconfig' : place.file;
}

/** @param read takes of the body what is wanted; undefined: it is too long */
async function ask(
  url: URL,
  tls: Partial<Credentials>,
  timeoutMs: number,
  signal: AbortSignal,
  read: (body: AsyncIterable<Buffer>) => Promise<string | undefined> = wholeBody,
): Promise<Answer> {
  const dispatcher = new Agent({ pipelining: 0, connect: { ...tls, timeout: timeoutMs } });
  try {
    const timeout = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    const answer = await request(url, { signal: timeout, dispatcher });
    const body = await read(answer.body as AsyncIterable<Buffer>);
    if (body === undefined) return silence('closed', `its answer has more than ${maxAnswerBytes} bytes`);
    return { kind: 'answer', status: answer.statusCode, body };
  } catch (thrown) {
    return silence(whyOf(thrown), thrown instanceof Error ? thrown.message || thrown.name : String(thrown));
  } finally {
    // Nothing waits for it: an abandoned answer would keep it open.
    dispatcher.destroy().catch(() => undefined);
  }
}

async function wholeBody(body: AsyncIterable<Buffer>): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > maxAnswerBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** The metrics of an API server have many MiB, of which a few lines are wanted. */
async function linesThatBegin(body: AsyncIterable<Buffer>, beginning: string): Promise<string | undefined> {
  const wanted: string[] = [];
  let length = 0;
  let open = '';
  for await (const chunk of body) {
    const lines = (open + chunk.toString('latin1')).split('\n');
    open = lines.pop() ?? '';
    for (const line of lines.filter((each) => each.startsWith(beginning))) {
      length += line.length;
      wanted.push(line);
    }
    if (length + open.length > maxAnswerBytes) return undefined;
  }
  return [...wanted, ...(open.startsWith(beginning) ? [open] : [])].join('\n');
}

function silence(why: Silence, message: string): Answer {
  return { kind: 'silence', why, message };
}

const closed = ['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'];
const elsewhere = [
  ...['EHOSTUNREACH', 'ENETUNREACH', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN'],
  ...['UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT'],
];

function whyOf(thrown: unknown): Silence {
  const { name, code } = thrown as { readonly name?: string; readonly code?: unknown };
  if (name === 'TimeoutError' || name === 'AbortError') return 'unreachable';
  if (code === 'ECONNREFUSED') return 'refused';
  if (typeof code === 'string' && closed.includes(code)) return 'closed';
  return typeof code === 'string' && elsewhere.includes(code) ? 'unreachable' : 'certificate';
}

function isReachable(address: string, timeoutMs: number, signal: AbortSignal): Promise<boolean> {
  const { hostname, port } = new URL(`tcp://${address}`);
  return new Promise((resolve) => {
    const socket = connect({ host: hostname.replace(/^\[|\]$/g, ''), port: Number(port), signal, timeout: timeoutMs });
    const end = (isThere: boolean) => {
      socket.destroy();
      resolve(isThere);
    };
    socket.once('connect', () => end(true));
    socket.once('timeout', () => end(false));
    socket.once('error', () => end(false));
  });
}
