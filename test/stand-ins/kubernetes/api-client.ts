/** Asks an API server as whoever has a certificate, or as nobody, and keeps all that it answers. */
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import type { Pair } from './certificates.ts';

export interface ApiAnswer {
  readonly status: number;
  readonly contentType: string | undefined;
  readonly body: string;
}

export interface ApiQuestion {
  readonly path: string;
  readonly method?: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** JSON; of a PATCH, what changes (RFC 7386). */
  readonly body?: object;
}

export class ApiClient {
  readonly #server: string;
  readonly #tls: Partial<Pair> & { readonly ca: string };

  constructor(server: string, ca: string, pair?: Pair) {
    [this.#server, this.#tls] = [server, { ca, ...pair }];
  }

  async ask({ path, method = 'GET', body }: ApiQuestion): Promise<ApiAnswer> {
    const headers = body && { 'content-type': `application/${method === 'PATCH' ? 'merge-patch+json' : 'json'}` };
    const asked = request(new URL(path, this.#server), { ...this.#tls, method, headers: { ...headers }, agent: false });
    asked.end(body && JSON.stringify(body));
    const [answer] = (await once(asked, 'response')) as [IncomingMessage];
    const text = (await answer.setEncoding('utf8').toArray()).join('');
    return { status: answer.statusCode ?? 0, contentType: answer.headers['content-type'], body: text };
  }

  /** @throws Error for an answer that is no success. @param or one that is well as well */
  async do(question: ApiQuestion, or?: number): Promise<void> {
    const { status, body } = await this.ask(question);
    if (status < 300 || status === or) return;
    throw new Error(`${question.method} ${question.path} answers ${status}: ${body}`);
  }
}
