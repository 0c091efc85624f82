/**
 * Keeps the public keys of one issuer. They are found by its discovery document, and fetched again in the background,
 * and at once for a key that is not known yet. An issuer that is away is asked at most every half minute; meanwhile the
 * keys that are known go on for a day.
 */
import { createLocalJWKSet, errors, type JWTVerifyGetKey } from 'jose';
import { type Dispatcher, request } from 'undici';
import * as z from 'zod';
import { SlipwayError } from '../../../contract/errors.ts';
import { keepsSecrets } from '../../../system/network/transport.ts';

const discoverySchema = z.object({ issuer: z.string(), jwks_uri: z.url() });
const keysSchema = z.object({ keys: z.array(z.looseObject({ kty: z.string() })).max(256) });

/** A key that the issuer took back is refused so long after, at the latest. */
const freshMs = 10 * 60_000;
const usableMs = 86_400_000;
const pauseMs = 30_000;

interface IssuerWay {
  readonly dispatcher: Dispatcher;
  /** For one answer of the issuer, as a whole. */
  readonly timeoutMs: number;
}

export class IssuerKeys {
  readonly #issuer: string;
  readonly #way: IssuerWay;
  #keys: JWTVerifyGetKey | undefined;
  #loadedAt = Number.NEGATIVE_INFINITY;
  #triedAt = Number.NEGATIVE_INFINITY;
  #loading: Promise<void> | undefined;

  constructor(issuer: string, way: IssuerWay) {
    this.#issuer = issuer;
    this.#way = way;
  }

  /** @throws SlipwayError `issuer-unreachable`; JOSEError where the issuer has no such key */
  keyAt(now: number): JWTVerifyGetKey {
    return async (header, token) => {
      const age = now - this.#loadedAt;
      if (this.#keys === undefined || age > usableMs) await this.#load(now);
      else if (age > freshMs) this.#load(now).catch(() => undefined);
      try {
        return await this.#known(header, token);
      } catch (error) {
        if (!(error instanceof errors.JWKSNoMatchingKey) || now - this.#triedAt < pauseMs) throw error;
        await this.#load(now);
        return this.#known(header, token);
      }
    };
  }

  get #known(): JWTVerifyGetKey {
    if (this.#keys) return this.#keys;
    throw this.#unreachable('it was not reached yet');
  }

  /** One at a time, for all who wait. */
  #load(now: number): Promise<void> {
    if (this.#loading) return this.#loading;
    if (now - this.#triedAt < pauseMs) return Promise.reject(this.#unreachable('it did not answer a moment ago'));
    this.#triedAt = now;
    this.#loading = this.#fetch()
      .then((keys) => {
        this.#keys = keys;
        this.#loadedAt = now;
      })
      .finally(() => {
        this.#loading = undefined;
      });
    return this.#loading;
  }

  async #fetch(): Promise<JWTVerifyGetKey> {
    try {
      const signal = AbortSignal.timeout(this.#way.timeoutMs);
      const place = new URL(`${this.#issuer.replace(/\/$/, '')}/.well-known/openid-configuration`);
      const { issuer, jwks_uri: keysAt } = discoverySchema.parse(await this.#json(place, signal));
      if (issuer !== this.#issuer) throw new Error(`it calls itself ${issuer}`);
      const url = new URL(keysAt);
      if (!keepsSecrets(url)) throw new Error(`its keys are at ${url.origin}, without TLS`);
      return createLocalJWKSet(keysSchema.parse(await this.#json(url, signal)));
    } catch (cause) {
      throw this.#unreachable(reasonOf(cause), cause);
    }
  }

  /** A redirect is no answer: nobody is led to keys of somebody else. */
  async #json(url: URL, signal: AbortSignal): Promise<unknown> {
    const answer = await request(url, {
      dispatcher: this.#way.dispatcher,
      signal,
      headers: { accept: 'application/json' },
    });
    const text = await answer.body.text();
    if (answer.statusCode !== 200) throw new Error(`${url.pathname} answers ${answer.statusCode}`);
    return JSON.parse(text);
  }

  #unreachable(reason: string, cause?: unknown): SlipwayError {
    return new SlipwayError('issuer-unreachable', `the keys of ${this.#issuer} cannot be had: ${reason}`, {
      cause,
      hint: 'Tokens of this server go on meanwhile. Check the issuer, the proxy and the file of --people.',
    });
  }
}

function reasonOf(cause: unknown): string {
  if (cause instanceof z.ZodError) return `its answer does not fit: ${cause.issues[0]?.path.join('.')}`;
  if (!(cause instanceof Error)) return String(cause);
  return (cause as NodeJS.ErrnoException).code?.toString() ?? cause.message;
}
