/**
 * Talks to the distributor over HTTP by undici. Bodies are bounded and checked against the contract, plain HTTP and
 * foreign redirects are refused, and the device's token goes with the first request alone. It keeps no state but the
 * token.
 */
import type { Dispatcher } from 'undici';
import type { z } from 'zod';
import { type CheckRequest, type HeardAnswer, heardAnswerSchema } from '../../../contract/device-api/check.ts';
import { type EnrolRequest, enrolAnswerSchema } from '../../../contract/device-api/enrolment.ts';
import { keyAnswerSchema, sessionAnswerSchema } from '../../../contract/device-api/identity.ts';
import { type Report, type ReportsAnswer, reportsAnswerSchema } from '../../../contract/device-api/report.ts';
import { checkInVersion1 } from '../../../contract/device-api/version-1.ts';
import type { Digest } from '../../../contract/digest.ts';
import { SlipwayError } from '../../../contract/errors.ts';
import { limits } from '../../../contract/limits.ts';
import { manifestKey } from '../../../contract/store-keys.ts';
import { type Environment, noProxyRule, type ProxyRule } from '../../../system/network/proxy.ts';
import { refuseInsecureTransport } from '../../configuration.ts';
import { type LeastRate, RateWatch } from '../../download/least-rate.ts';
import type { BlobAnswer, HeardTime, Server } from '../../ports.ts';
import { reportForOlderServer } from '../../update/older-server.ts';
import { type ApiVersion, NotUnderstood, SpokenVersion } from './api-version.ts';
import type { EnrolmentServer } from './device-token.ts';
import { connectionError, flatten, invalidAnswer, parseJson, refusal, refuseEncoding } from './http-failures.ts';
import { request } from './undici-parts.ts';
import { WayOut } from './way-out.ts';

interface HttpServerOptions {
  readonly server: string;
  readonly deviceId: string;
  readonly userAgent: string;
  readonly caFile: string | undefined;
  readonly developmentAllowHttp: boolean;
  readonly stallSeconds: number;
  readonly proxies?: ProxyRule;
  /** Of this process, for the certificates of the system. */
  readonly environment?: Environment;
  /** Of documents; the caller that asks for a blob watches it. */
  readonly leastRate?: LeastRate;
  /**
   * The device's bearer token, asked for at each call; enrols where there is none.
   * @param refused a token that the server does not know any more
   */
  readonly token: (enrolment: EnrolmentServer, refused?: string) => Promise<string>;
  /** Aborted when the process is told to end: enrolling, which many may wait for, ends then. */
  readonly stop?: AbortSignal;
}

const enrolmentMs = 60_000;
const maxRedirects = 4;
const redirectStatuses = [301, 302, 303, 307, 308];

export class HttpServer implements Server {
  readonly #options: HttpServerOptions;
  readonly #base: URL;
  readonly #wayOut: WayOut;
  readonly #version = new SpokenVersion();
  readonly #versionOfEnrolment = new SpokenVersion();
  #heardTime: HeardTime | undefined;

  constructor(options: HttpServerOptions) {
    this.#options = options;
    this.#base = new URL(options.server.endsWith('/') ? options.server : `${options.server}/`);
    refuseInsecureTransport(this.#base, options.developmentAllowHttp);
    const { caFile, stallSeconds, proxies = noProxyRule, environment = {} } = options;
    this.#wayOut = new WayOut({ caFile, stallSeconds, proxies, environment });
  }

  get heardTime(): HeardTime | undefined {
    return this.#heardTime;
  }

  async check(body: CheckRequest, signal: AbortSignal): Promise<HeardAnswer> {
    const ask = async (version: ApiVersion, token: string) =>
      this.#post(
        `v1/devices/${this.#options.deviceId}/check`,
        version === 1 ? checkInVersion1(body) : body,
        heardAnswerSchema,
        token,
        signal,
      );
    return this.#authorised((token) => this.#version.spoken((version) => ask(version, token)));
  }

  async report(reports: readonly Report[], signal: AbortSignal): Promise<ReportsAnswer> {
    const ask = async (schemaVersion: ApiVersion, token: string) =>
      this.#post(
        `v1/devices/${this.#options.deviceId}/reports`,
        { schemaVersion, reports: schemaVersion === 1 ? reports.map(reportForOlderServer) : reports },
        reportsAnswerSchema,
        token,
        signal,
      );
    return this.#authorised((token) => this.#version.spoken((version) => ask(version, token)));
  }

  async metadata(name: string, maxBytes: number, signal: AbortSignal): Promise<Uint8Array | undefined> {
    return this.#document(`v1/metadata/${name}`, maxBytes, signal);
  }

  async manifest(digest: Digest, maxBytes: number, signal: AbortSignal): Promise<Uint8Array | undefined> {
    return this.#document(`v1/${manifestKey(digest)}`, maxBytes, signal);
  }

  async attachment(digest: Digest, maxBytes: number, signal: AbortSignal): Promise<Uint8Array | undefined> {
    const path = `v1/blobs/sha256/${digest}`;
    return this.#bytesOf(path, await this.#get(path, {}, signal, true), maxBytes);
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
    await this.#wayOut.close();
  }

  /** A device that was forgotten enrols again, once. */
  async #authorised<T>(ask: (token: string) => Promise<T>): Promise<T> {
    const token = await this.#token();
    try {
      return await ask(token);
    } catch (error) {
      if (!(error instanceof SlipwayError) || error.code !== 'unauthenticated') throw error;
      return ask(await this.#token(token));
    }
  }

  /** The first caller may have gone, others wait for the same token: it ends by itself, or with the process. */
  #enrolmentSignal(): AbortSignal {
    const { stop } = this.#options;
    return AbortSignal.any([AbortSignal.timeout(enrolmentMs), ...(stop ? [stop] : [])]);
  }

  #token(refused?: string): Promise<string> {
    const enrolment: EnrolmentServer = {
      metadata: async (token, name, maxBytes) => {
        const path = `v1/metadata/${name}`;
        const answer = await this.#get(path, {}, this.#enrolmentSignal(), false, token);
        if (![401, 403].includes(answer.statusCode)) return this.#bytesOf(path, answer, maxBytes);
        await answer.body.dump();
        throw new SlipwayError('unauthenticated', `${path}: the server shows it to devices alone`);
      },
      enrol: async (token, facts, publicKey) => {
        const ask = (body: EnrolRequest) =>
          this.#post('v1/enrol', body, enrolAnswerSchema.strip(), token, this.#enrolmentSignal());
        const answer = await this.#versionOfEnrolment.spoken((version) =>
          version === 1 || publicKey === undefined
            ? ask({ schemaVersion: 1, ...facts })
            : ask({ schemaVersion: 2, ...facts, publicKey }),
        );
        if (answer.deviceId === facts.deviceId) return answer;
        throw invalidAnswer(`enrolled as ${answer.deviceId}, expected ${facts.deviceId}`);
      },
      now: () => Date.now() + (this.#heardTime ? this.#heardTime.server - this.#heardTime.device : 0),
      registerKey: async (token, body, fields) => {
        await this.#postSigned('key', body, keyAnswerSchema, { ...fields, authorization: `Bearer ${token}` });
      },
      signIn: (body, fields) => this.#postSigned('session', body, sessionAnswerSchema, fields),
    };
    return this.#options.token(enrolment, refused);
  }

  async #document(path: string, maxBytes: number, signal: AbortSignal): Promise<Uint8Array | undefined> {
    return this.#bytesOf(path, await this.#get(path, {}, signal, false), maxBytes);
  }

  async #bytesOf(path: string, answer: Dispatcher.ResponseData, maxBytes: number): Promise<Uint8Array | undefined> {
    if (answer.statusCode === 404 || answer.statusCode === 403) {
      await answer.body.dump();
      return undefined;
    }
    const bytes = await this.#read(answer.body, maxBytes + 1);
    if (answer.statusCode !== 200) throw refusal(path, answer, bytes);
    refuseEncoding(path, answer.headers);
    return bytes;
  }

  /** Follows redirects only for blobs: their bytes are checked by digest, wherever they come from. */
  async #get(path: string, headers: Record<string, string>, signal: AbortSignal, canMove: boolean, shown?: string) {
    let url = new URL(path, this.#base);
    const token = shown ?? (await this.#token());
    for (let hop = 0; hop <= maxRedirects; hop++) {
      // A redirect names another server, also behind the same host: a presigned URL with a token beside its own
      // signature is refused by S3, and the token is nobody else's to see.
      const authorization = hop === 0 ? { authorization: `Bearer ${token}` } : {};
      const answer = await this.#send(url, {
        method: 'GET',
        headers: { 'user-agent': this.#options.userAgent, 'accept-encoding': 'identity', ...headers, ...authorization },
        signal,
      });
      if (!redirectStatuses.includes(answer.statusCode)) return answer;
      await answer.body.dump();
      const location = flatten(answer.headers).location;
      if (location === undefined) throw invalidAnswer(`${url.pathname}: a redirect without a location`);
      const next = new URL(location, url);
      refuseInsecureTransport(next, this.#options.developmentAllowHttp);
      if (!canMove && next.origin !== this.#base.origin)
        throw invalidAnswer(`${url.pathname}: redirected to ${next.origin}`);
      url = next;
    }
    throw invalidAnswer(`${path}: more than ${maxRedirects} redirects`);
  }

  #postSigned<S extends z.ZodType>(what: string, body: Uint8Array, schema: S, headers: Record<string, string>) {
    const path = `v1/devices/${this.#options.deviceId}/${what}`;
    return this.#postBytes(path, body, schema, headers, this.#enrolmentSignal());
  }

  #post<S extends z.ZodType>(path: string, body: unknown, schema: S, token: string, signal: AbortSignal) {
    const headers = { authorization: `Bearer ${token}` };
    return this.#postBytes(path, Buffer.from(JSON.stringify(body)), schema, headers, signal);
  }

  async #postBytes<S extends z.ZodType>(
    path: string,
    body: Uint8Array,
    schema: S,
    headers: Record<string, string>,
    signal: AbortSignal,
  ): Promise<z.output<S>> {
    const answer = await this.#send(new URL(path, this.#base), {
      method: 'POST',
      headers: {
        'user-agent': this.#options.userAgent,
        'content-type': 'application/json',
        'accept-encoding': 'identity',
        ...headers,
      },
      body,
      signal,
    });
    const bytes = await this.#read(answer.body, limits.maxCheckBytes);
    if (answer.statusCode === 400) throw new NotUnderstood(refusal(path, answer, bytes));
    if (answer.statusCode < 200 || answer.statusCode > 299) throw refusal(path, answer, bytes);
    refuseEncoding(path, answer.headers);
    const parsed = schema.safeParse(parseJson(bytes));
    if (parsed.success) return parsed.data;
    const issue = parsed.error.issues[0];
    throw invalidAnswer(`${path}: ${issue?.path.join('.')}: ${issue?.message}`);
  }

  async #read(body: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Uint8Array> {
    const { leastRate } = this.#options;
    const rate = leastRate && new RateWatch(leastRate);
    const seconds = () => performance.now() / 1000;
    rate?.begin(seconds());
    const chunks: Uint8Array[] = [];
    let length = 0;
    for await (const chunk of withCodes(body)) {
      length += chunk.length;
      chunks.push(chunk);
      // Endless data, or a trickle: the loop's end destroys the body.
      if (length > maxBytes) break;
      rate?.note(chunk.length, seconds());
    }
    return Buffer.concat(chunks);
  }

  async #send(url: URL, options: Omit<Dispatcher.RequestOptions, 'origin' | 'path'>) {
    try {
      const answer = await request(url, { ...options, dispatcher: await this.#wayOut.dispatcher() });
      const server = Date.parse(flatten(answer.headers).date ?? '');
      // Blobs may come from elsewhere.
      if (url.origin === this.#base.origin && !Number.isNaN(server)) this.#heardTime = { server, device: Date.now() };
      return answer;
    } catch (error) {
      throw connectionError(error, url.origin);
    }
  }
}

async function* withCodes(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (error) {
    throw connectionError(error, 'the server');
  }
}
