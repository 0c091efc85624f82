/**
 * The distributor over HTTP by undici. Bodies are bounded and checked against the contract, plain HTTP and foreign
 * redirects are refused, and the device's token never leaves the origin it was given for. Keeps no state but the token.
 */
import { readFileSync } from 'node:fs';
import { Agent, type Dispatcher, request } from 'undici';
import type { z } from 'zod';
import { type CheckAnswer, type CheckRequest, checkAnswerSchema } from '../../contract/device-api/check.ts';
import { type EnrolRequest, enrolAnswerSchema, errorAnswerSchema } from '../../contract/device-api/enrolment.ts';
import { type Report, type ReportsAnswer, reportsAnswerSchema } from '../../contract/device-api/report.ts';
import type { Digest } from '../../contract/digest.ts';
import { type ErrorCode, errorCodes, SlipwayError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import { manifestKey } from '../../contract/store-keys.ts';
import { refuseInsecureTransport } from '../configuration.ts';
import type { BlobAnswer, Server } from '../ports.ts';
import { ServerBusy } from '../server-busy.ts';
import { retryAfterSeconds } from '../update/retry.ts';

export interface HttpServerOptions {
  readonly server: string;
  readonly deviceId: string;
  readonly userAgent: string;
  readonly caFile: string | undefined;
  readonly developmentAllowHttp: boolean;
  readonly stallSeconds: number;
  /** The device's bearer token, asked for at each call; enrols where there is none. */
  readonly token: (enrol: (token: string, body: EnrolRequest) => Promise<string>) => Promise<string>;
}

const maxRedirects = 4;
const redirectStatuses = [301, 302, 303, 307, 308];

export class HttpServer implements Server {
  readonly #options: HttpServerOptions;
  readonly #base: URL;
  readonly #agent: Agent;

  constructor(options: HttpServerOptions) {
    this.#options = options;
    this.#base = new URL(options.server.endsWith('/') ? options.server : `${options.server}/`);
    refuseInsecureTransport(this.#base, options.developmentAllowHttp);
    const stall = Math.ceil(options.stallSeconds * 1000);
    const ca = options.caFile === undefined ? undefined : readAuthorities(options.caFile);
    this.#agent = new Agent({
      headersTimeout: stall,
      bodyTimeout: stall,
      connect: { timeout: Math.min(stall, 30_000), ...(ca === undefined ? {} : { ca }) },
      maxResponseSize: -1,
    });
  }

  async check(body: CheckRequest, signal: AbortSignal): Promise<CheckAnswer> {
    return this.#post(
      `v1/devices/${this.#options.deviceId}/check`,
      body,
      checkAnswerSchema,
      await this.#token(),
      signal,
    );
  }

  async report(reports: readonly Report[], signal: AbortSignal): Promise<ReportsAnswer> {
    const body = { schemaVersion: 1, reports };
    return this.#post(
      `v1/devices/${this.#options.deviceId}/reports`,
      body,
      reportsAnswerSchema,
      await this.#token(),
      signal,
    );
  }

  async metadata(name: string, maxBytes: number, signal: AbortSignal): Promise<Uint8Array | undefined> {
    return this.#document(`v1/metadata/${name}`, maxBytes, signal);
  }

  async manifest(digest: Digest, maxBytes: number, signal: AbortSignal): Promise<Uint8Array | undefined> {
    return this.#document(`v1/${manifestKey(digest)}`, maxBytes, signal);
  }

  async openBlob(
    digest: Digest,
    { offset, etag }: { readonly offset: number; readonly etag: string | undefined },
    signal: AbortSignal,
  ): Promise<BlobAnswer> {
    const range = offset > 0 && etag !== undefined ? { range: `bytes=${offset}-`, 'if-range': etag } : {};
    const answer = await this.#get(`v1/blobs/sha256/${digest}`, range, signal, true);
    return {
      status: answer.statusCode,
      headers: flatten(answer.headers),
      body: withCodes(answer.body),
      // Whatever the connection still brings is not worth reading.
      discard: () => void answer.body.on('error', () => undefined).destroy(),
    };
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  #token(): Promise<string> {
    return this.#options.token(async (token, body) => {
      const answer = await this.#post('v1/enrol', body, enrolAnswerSchema, token, AbortSignal.timeout(60_000));
      if (answer.deviceId !== body.deviceId) throw invalid(`enrolled as ${answer.deviceId}, expected ${body.deviceId}`);
      return answer.deviceToken;
    });
  }

  async #document(path: string, maxBytes: number, signal: AbortSignal): Promise<Uint8Array | undefined> {
    const answer = await this.#get(path, {}, signal, false);
    if (answer.statusCode === 404 || answer.statusCode === 403) {
      await answer.body.dump();
      return undefined;
    }
    const bytes = await readBounded(answer.body, maxBytes + 1);
    if (answer.statusCode !== 200) throw refusal(path, answer, bytes);
    refuseEncoding(path, answer.headers);
    return bytes;
  }

  /** Follows redirects only for blobs: their bytes are checked by digest, wherever they come from. */
  async #get(path: string, headers: Record<string, string>, signal: AbortSignal, canMove: boolean) {
    let url = new URL(path, this.#base);
    const token = await this.#token();
    for (let hop = 0; hop <= maxRedirects; hop++) {
      const isOurs = url.origin === this.#base.origin;
      const authorization = isOurs ? { authorization: `Bearer ${token}` } : {};
      const answer = await this.#send(url, {
        method: 'GET',
        headers: { 'user-agent': this.#options.userAgent, 'accept-encoding': 'identity', ...headers, ...authorization },
        signal,
      });
      if (!redirectStatuses.includes(answer.statusCode)) return answer;
      await answer.body.dump();
      const location = flatten(answer.headers).location;
      if (location === undefined) throw invalid(`${url.pathname}: a redirect without a location`);
      const next = new URL(location, url);
      refuseInsecureTransport(next, this.#options.developmentAllowHttp);
      if (!canMove && next.origin !== this.#base.origin) throw invalid(`${url.pathname}: redirected to ${next.origin}`);
      url = next;
    }
    throw invalid(`${path}: more than ${maxRedirects} redirects`);
  }

  async #post<S extends z.ZodType>(
    path: string,
    body: unknown,
    schema: S,
    token: string,
    signal: AbortSignal,
  ): Promise<z.output<S>> {
    const answer = await this.#send(new URL(path, this.#base), {
      method: 'POST',
      headers: {
        'user-agent': this.#options.userAgent,
        'content-type': 'application/json',
        'accept-encoding': 'identity',
        authorization: `Bearer ${token}`,
      },
      body: JSON.stringify(body),
      signal,
    });
    const bytes = await readBounded(answer.body, limits.maxCheckBytes);
    if (answer.statusCode < 200 || answer.statusCode > 299) throw refusal(path, answer, bytes);
    refuseEncoding(path, answer.headers);
    const parsed = schema.safeParse(parseJson(bytes));
    if (parsed.success) return parsed.data;
    const issue = parsed.error.issues[0];
    throw invalid(`${path}: ${issue?.path.join('.')}: ${issue?.message}`);
  }

  async #send(url: URL, options: Omit<Dispatcher.RequestOptions, 'origin' | 'path'>) {
    try {
      return await request(url, { ...options, dispatcher: this.#agent });
    } catch (error) {
      throw connectionError(error, url.origin);
    }
  }
}

function readAuthorities(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new SlipwayError('document-unreadable', `cannot read caFile ${file}`, { cause });
  }
}

async function readBounded(body: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of withCodes(body)) {
    length += chunk.length;
    // Endless data: the loop's end destroys the body.
    if (length > maxBytes) {
      chunks.push(chunk);
      break;
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function* withCodes(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (error) {
    throw connectionError(error, 'the server');
  }
}

function connectionError(error: unknown, origin: string): unknown {
  if (error instanceof SlipwayError || (error instanceof Error && error.name === 'AbortError')) return error;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const message = error instanceof Error ? error.message || code : String(error);
  if (['UND_ERR_BODY_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT'].includes(code)) {
    return new SlipwayError('download-stalled', `${origin}: ${message}`, { cause: error });
  }
  return new SlipwayError('server-unreachable', `${origin}: ${message}`, {
    cause: error,
    hint: 'Check the network, the server URL and its certificate.',
  });
}

/** Node's decoders would inflate silently what was signed for as it is; so nothing encoded is taken. */
function refuseEncoding(path: string, headers: Dispatcher.ResponseData['headers']): void {
  const encoding = flatten(headers)['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') throw invalid(`${path}: content-encoding ${encoding}`);
}

function refusal(path: string, answer: Dispatcher.ResponseData, body: Uint8Array): SlipwayError {
  const { statusCode: status } = answer;
  const parsed = errorAnswerSchema.safeParse(parseJson(body));
  const told = parsed.success ? `${parsed.data.code}: ${parsed.data.message}` : 'no reason given';
  const message = `${path}: the server answered ${status} (${told})`;
  const hint = parsed.success && parsed.data.hint !== undefined ? { hint: parsed.data.hint } : {};
  const code = parsed.success && parsed.data.code in errorCodes ? (parsed.data.code as ErrorCode) : undefined;
  const isPassing = status >= 500 || [408, 425, 429].includes(status);
  const isVague = code === undefined || code === 'internal';
  const ours = isVague ? (isPassing ? 'server-unreachable' : 'server-refused') : code;
  const after = isPassing ? waitAsked(flatten(answer.headers)) : undefined;
  return after === undefined ? new SlipwayError(ours, message, hint) : new ServerBusy(ours, message, after, hint);
}

/** A date is measured against the server's own clock: this machine's may be wrong by years. */
function waitAsked(headers: Record<string, string | undefined>): number | undefined {
  const serverNow = Date.parse(headers.date ?? '');
  const now = Number.isNaN(serverNow) ? Date.now() : serverNow;
  return retryAfterSeconds(headers['retry-after'], now, limits.maxPollSeconds);
}

function invalid(message: string): SlipwayError {
  return new SlipwayError('server-answer-invalid', message, {
    hint: 'Is there a proxy or a captive portal in between?',
  });
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return undefined;
  }
}

function flatten(headers: Dispatcher.ResponseData['headers']): Record<string, string | undefined> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value]),
  );
}
