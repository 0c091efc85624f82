/** Asks a running server by its API, for verbs that work on it from elsewhere. */
import * as z from 'zod';
import { type ErrorCode, errorCodes, SlipwayError } from '../../contract/errors.ts';
import { type NamedProxy, proxiesOfEnvironment } from '../../system/network/proxy.ts';
import { refuseInTheClear } from '../../system/network/transport.ts';
import { PlanError, planProblemSchema } from '../declaration/problem.ts';
import { type TokenSource, tokenFrom } from './token-source.ts';

export interface ServerAddress extends TokenSource {
  /** Its URL, with the path that it stands below; https, or http on loopback. */
  readonly server: string;
}

interface ServerQuestion {
  readonly method: 'GET' | 'PUT' | 'POST';
  readonly path: string;
  readonly body?: object;
  /** Nobody in particular asks: no token is shown. */
  readonly isOpen?: true;
}

const timeoutMs = 60_000;
const failureSchema = z.object({
  code: z.string(),
  message: z.string(),
  hint: z.string().optional(),
  problems: z.array(planProblemSchema).optional(),
});

/**
 * @returns the answer, parsed
 * @throws SlipwayError `transport-insecure`, `usage`, `key-unreadable`, `server-unreachable`, `server-answer-invalid`, or
 *   with the code that the server answered
 */
export async function askServer<S extends z.ZodType>(
  address: ServerAddress,
  question: ServerQuestion,
  schema: S,
): Promise<z.output<S>> {
  const response = await openServer(address, question, { signal: AbortSignal.timeout(timeoutMs) });
  const answer: unknown = await response.json().catch(() => undefined);
  const parsed = schema.safeParse(answer);
  if (parsed.success) return parsed.data;
  const { origin } = new URL(response.url);
  throw new SlipwayError('server-answer-invalid', `${origin} answered something that its API does not describe`, {
    hint: 'Check that the URL is that of a slipway-distributor of this version.',
  });
}

/**
 * @returns the answer as it begins to come, with a status of success
 * @throws SlipwayError as askServer does
 */
export async function openServer(
  address: ServerAddress,
  question: ServerQuestion,
  { accept, signal }: { readonly accept?: string; readonly signal?: AbortSignal },
): Promise<Response> {
  const url = urlOf(address.server, question.path);
  const shown = question.isOpen ? {} : { authorization: `Bearer ${await tokenFrom(address)}` };
  const proxy = proxiesOfEnvironment(process.env).proxyFor(url);
  const response = await fetchThrough(proxy, url, {
    method: question.method,
    headers: {
      ...shown,
      ...(accept === undefined ? {} : { accept }),
      ...(question.body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(question.body === undefined ? {} : { body: JSON.stringify(question.body) }),
    redirect: 'error',
    ...(signal === undefined ? {} : { signal }),
  }).catch((cause: Error) => {
    const { code, message } = firstCause(cause);
    // undici ends what a proxy refuses as aborted, and has the status in its words alone.
    const reason = code === undefined || code === 'UND_ERR_ABORTED' ? message : code;
    throw new SlipwayError('server-unreachable', `${url.origin} cannot be reached: ${reason}`, {
      cause,
      hint: `Check --server, ${proxy ? `${proxy.from} (${proxy.name}), ` : ''}and that the server runs.`,
    });
  });
  if (response.ok) return response;
  throw refusalOf(response.status, await response.json().catch(() => undefined));
}

function firstCause(error: NodeJS.ErrnoException): NodeJS.ErrnoException {
  return error.cause instanceof Error ? firstCause(error.cause) : error;
}

/** Node 20 knows no proxies by itself. */
async function fetchThrough(proxy: NamedProxy | undefined, url: URL, init: RequestInit): Promise<Response> {
  if (proxy === undefined) return fetch(url, init);
  const { fetch: fetchBy, ProxyAgent } = await import('undici');
  const dispatcher = new ProxyAgent({ uri: proxy.url.href, proxyTunnel: true });
  const answer = await fetchBy(url, { ...(init as object), dispatcher });
  return answer as unknown as Response;
}

function urlOf(server: string, path: string): URL {
  const base = URL.canParse(server) ? new URL(server) : undefined;
  if (!base || !['http:', 'https:'].includes(base.protocol)) {
    throw new SlipwayError('usage', `"${server}" is not the URL of a server`, {
      hint: 'Write https://updates.example.com.',
    });
  }
  refuseInTheClear(base, 'the token');
  // A server behind a proxy may stand below a path: https://host/updates/.
  return new URL(`${base.pathname.replace(/\/+$/, '')}${path}`, base.origin);
}

function refusalOf(status: number, answer: unknown): SlipwayError {
  const failure = failureSchema.safeParse(answer).data;
  if (failure?.problems?.length) return new PlanError(failure.problems);
  if (failure === undefined || !(failure.code in errorCodes)) {
    return new SlipwayError('server-refused', `the server answered ${status}`);
  }
  const { code, message, hint } = failure;
  return new SlipwayError(code as ErrorCode, message, { hint });
}
