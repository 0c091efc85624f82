/**
 * Decides how this device gets to its server and to what that names: time-outs, whom it believes, and through which
 * proxy.
 */
import type { Dispatcher, Agent as UndiciAgent } from 'undici';
import type { Environment, ProxyRule } from '../../../system/network/proxy.ts';
import { believing, readCaFile } from './authorities.ts';
import { Agent } from './undici-parts.ts';

interface WayOutOptions {
  readonly caFile: string | undefined;
  readonly stallSeconds: number;
  readonly proxies: ProxyRule;
  readonly environment: Environment;
}

export class WayOut {
  readonly #options: WayOutOptions;
  readonly #own: readonly string[];
  #dispatcher: Promise<Dispatcher> | undefined;

  /** @throws SlipwayError `document-unreadable`, `certificate-invalid` for `caFile` */
  constructor(options: WayOutOptions) {
    this.#options = options;
    this.#own = options.caFile === undefined ? [] : readCaFile(options.caFile);
  }

  /** Made when it is needed first: hundreds of certificates are read then. */
  dispatcher(): Promise<Dispatcher> {
    this.#dispatcher ??= this.#make();
    return this.#dispatcher;
  }

  async close(): Promise<void> {
    await (await this.#dispatcher)?.destroy();
  }

  async #make(): Promise<Dispatcher> {
    const { stallSeconds, proxies, environment } = this.#options;
    const stall = Math.ceil(stallSeconds * 1000);
    const options: UndiciAgent.Options = {
      headersTimeout: stall,
      bodyTimeout: stall,
      connect: { timeout: Math.min(stall, 30_000), secureContext: believing(this.#own, environment) },
      maxResponseSize: -1,
    };
    if (!proxies.hasProxy) return new Agent(options);
    const { proxiedAgent } = await import('./proxied-agent.ts');
    return proxiedAgent(proxies, options);
  }
}
