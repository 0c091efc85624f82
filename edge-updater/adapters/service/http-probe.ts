/** Asks an HTTP endpoint of the service whether it is healthy. */
import type { HealthProbe, HealthResult } from '../../ports.ts';
import { Agent, request } from '../network/undici-parts.ts';

export class HttpProbe implements HealthProbe {
  readonly #url: string;
  readonly #expectStatus: number;
  readonly #timeoutMs: number;
  /** One connection a probe: a kept one could outlive the service that answered it. */
  readonly #agent = new Agent({ pipelining: 0 });

  constructor(url: string, expectStatus: number, timeoutSeconds: number) {
    this.#url = url;
    this.#expectStatus = expectStatus;
    this.#timeoutMs = Math.ceil(timeoutSeconds * 1000);
  }

  async probe(signal: AbortSignal): Promise<HealthResult> {
    try {
      const timeout = AbortSignal.any([signal, AbortSignal.timeout(this.#timeoutMs)]);
      const answer = await request(new URL(this.#url), { signal: timeout, dispatcher: this.#agent });
      await answer.body.dump({ limit: 64 * 1024 });
      const isHealthy = answer.statusCode === this.#expectStatus;
      return { isHealthy, detail: `${this.#url} answers ${answer.statusCode}` };
    } catch (error) {
      return {
        isHealthy: false,
        detail: `${this.#url}: ${error instanceof Error ? error.message || error.name : String(error)}`,
      };
    }
  }
}
